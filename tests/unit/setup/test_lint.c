/* test_lint.c - each rule: where it fires, and where it has to stay quiet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"
#include "setup/lint.h"

#define HEAD "#!/bin/bash\nset -eu\n" /* two lines that nothing can be said about */

/* "rule line:column" of every finding, with ", " between. */
static void findings_of(const char *text, size_t size, const struct lint_options *options,
                        struct buffer *out)
{
    struct lint *lint = NULL;
    size_t count = 0;
    assert_int_equal(lint_new(text, size, options, &lint, NULL), 0);
    const struct lint_finding *findings = lint_findings(lint, &count);
    buffer_text(out, "");
    for (size_t i = 0; i < count; i++)
        buffer_format(out, "%s%s %d:%d", i ? ", " : "", findings[i].rule->name, findings[i].line,
                      findings[i].column);
    lint_free(lint);
}

struct row {
    const char *text, *findings;
};

/* `head` is put in front; lines of findings count from behind it. */
static void check_rows(const char *head, const struct row *rows, size_t count,
                       const struct lint_options *options)
{
    bool failed = false;
    for (size_t i = 0; i < count; i++) {
        struct buffer text = { 0 }, found = { 0 };
        buffer_text(&text, head);
        buffer_text(&text, rows[i].text);
        findings_of(text.data, text.size, options, &found);
        if (!text_equal(found.data, rows[i].findings)) {
            print_error("row %zu: %s\n  wanted: %s\n  found:  %s\n", i, rows[i].text,
                        rows[i].findings, found.data);
            failed = true;
        }
        buffer_clear(&text);
        buffer_clear(&found);
    }
    assert_false(failed);
}

static const struct lint_options plain = { 0 };
static const struct lint_options cached = { .cached = true };

static void bytes_and_first_line(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "#!/bin/sh\nset -e\nid\n", "" },
        { "#!/usr/bin/env bash\nset -e\nid\n", "" },
        { "", "empty 1:1" },
        { "#!/bin/sh\n# nothing\n\n", "empty 1:1" },
        { "echo hello\n", "no-shebang 1:1" },
        { "\n#!/bin/sh\nid\n", "no-shebang 1:1" },
        { " #!/bin/sh\nid\n", "no-shebang 1:1" },
        { "#!bash\nid\n", "bad-shebang 1:1" },
        { "#!\nid\n", "no-shebang 1:1" },
        { "\xEF\xBB\xBF#!/bin/sh\nid\n", "byte-order-mark 1:1" },
        { "\xEF\xBB\xBFid\n", "byte-order-mark 1:1, no-shebang 1:2" },
        { "#!/bin/sh\r\nid\r\n", "crlf 1:10" },
        { "#!/bin/sh\nid\r\n", "crlf 2:3" },
        { "#!/bin/sh\nprintf 'a\\r\\n'\n", "" },
        { "#!/bin/sh\nprintf 'a\rb'\n", "" },
        { "#!/bin/sh\necho \xFF\n", "not-text 2:6" },
        { "#!/bin/sh\necho \xC3\xA4\xC3\n", "not-text 2:7" },
        { "#!/usr/bin/python3\ninput('$1')\n", "" }, /* no shell: only its bytes are looked at */
        { "#!/bin/sh\nid\nid\n", "no-errexit 2:1" },
        { "#!/bin/sh -e\nid\nid\n", "" },
        { "#!/bin/bash\nset -euo pipefail\nid\n", "" },
        { "#!/bin/bash\nset -o errexit\nid\n", "" },
        { "#!/bin/bash\nset -u\nid\n", "no-errexit 2:1" },
        { "#!/bin/bash\n# set -e\nid\nid\n", "no-errexit 3:1" },
    };
    check_rows("", rows, COUNT(rows), &plain);
}

static void a_zero_byte_is_no_text(void **state)
{
    (void)state;
    static const char text[] = "#!/bin/sh -e\nid\0\n";
    struct buffer found = { 0 };
    findings_of(text, sizeof text - 1, &plain, &found);
    assert_string_equal(found.data, "not-text 2:3");
    buffer_clear(&found);
}

static void prompts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "apt-get install jq\n", "prompt 3:1" },
        { "  apt install -q jq\n", "prompt 3:3" },
        { "if ! apt-get -qq update || apt-get upgrade; then id; fi\n", "prompt 3:28" },
        { "sudo apt-get remove jq\n", "prompt 3:6" },
        { "DEBIAN_FRONTEND=noninteractive apt-get install jq\n", "prompt 3:32" },
        { "sudo -E env A=b timeout -k 5 60 /usr/bin/apt-get install jq\n", "prompt 3:33" },
        { "x=$(apt-get install jq)\n", "prompt 3:5" },
        { "echo \"`apt-get install jq`\"\n", "prompt 3:8" },
        { "f() { apt-get install jq; }\n", "prompt 3:7" },
        { "(cd /; apt-get install jq)\n", "prompt 3:8" },
        { "case $x in a|b) apt-get install jq ;; *) apt-get remove jq; esac\n",
          "prompt 3:17, prompt 3:42" },
        { "apt-get \\\n  install jq\n", "prompt 3:1" },
        { "apt-get install {{ package }}\n", "prompt 3:1" },
        { "apt-get install $packages\n", "prompt 3:1" },
        { "bash -c 'apt-get install jq'\n", "prompt 3:10" },
        { "sudo bash <<'EOF'\n\xC3\xA4; apt-get install jq\nEOF\n", "prompt 4:4" },
        { "cat <<'EOF' | sudo bash\napt-get install jq\nEOF\n", "prompt 4:1" },
        { "apt-get install -y jq\n", "" },
        { "apt-get -y install jq\n", "" },
        { "apt-get install -qy jq\n", "" },
        { "apt-get -qq install jq\n", "" },
        { "apt-get install --yes jq\n", "" },
        { "apt-get -o APT::Get::Assume-Yes=true install jq\n", "" },
        { "apt-get $options install jq\n", "" },
        { "apt-get update\napt-cache search jq\napt list --installed\n", "" },
        { "yes | apt-get install jq\n", "" },
        { "# apt-get install jq\n", "" },
        { "echo 'apt-get install jq'\n", "" },
        { "echo apt-get install jq\n", "" },
        { "cat >/tmp/x <<'EOF'\napt-get install jq\nEOF\n", "" },
        { "{# apt-get install jq #}\nid\n", "" },
        { "x=\"; apt-get install jq;\"\n", "" },
        { "read -r name\n", "prompt 3:1" },
        { "read -p 'who? ' name\n", "prompt 3:1" },
        { "while read -r line; do echo \"$line\"; done < file\n", "" },
        { "cat file | while read -r line; do echo \"$line\"; done\n", "" },
        { "while read -r line; do echo \"$line\"; done <<EOF\na\nEOF\n", "" },
        { "while read -r line; do echo \"$line\"; done < <(ls)\n", "" },
        { "read -r a b <<< \"$x\"\n", "" },
        { "read -r a </etc/hostname\n", "" },
        { "read -r -u 3 a\n", "" },
        { "IFS=: read -r a b <file\n", "" },
        { "f() { read -r a; }\nf <file\n", "" },
        { "f() { read -rp 'sure? ' a; }\n", "prompt 3:7" },
        { "exec </etc/hostname\nread -r a\n", "" },
        { "echo a 2>/dev/null | read -r a\n", "" },
        { "select x in a b; do echo \"$x\"; done\n", "prompt 3:1" },
        { "ssh-keygen -t ed25519\n", "prompt 3:1" },
        { "ssh-keygen -t ed25519 -f key\n", "prompt 3:1" },
        { "ssh-keygen -q -t ed25519 -N '' -f key\n", "" },
        { "ssh-keygen -R host\n", "" },
        { "add-apt-repository ppa:x/y\n", "prompt 3:1" },
        { "add-apt-repository -y ppa:x/y\n", "" },
        { "dpkg-reconfigure tzdata\n", "prompt 3:1" },
        { "dpkg-reconfigure -f noninteractive tzdata\n", "" },
        { "export DEBIAN_FRONTEND=noninteractive\ndpkg-reconfigure tzdata\n", "" },
        { "passwd ada\n", "prompt 3:1" },
        { "passwd -l ada\n", "" },
        { "echo ada:x | chpasswd\n", "" },
        { "adduser ada\n", "prompt 3:1" },
        { "adduser ada docker\n", "" },
        { "adduser --disabled-password --gecos '' ada\n", "" },
        { "rm -i x\n", "prompt 3:1" },
        { "rm -rf x\n", "" },
        { "gpg --dearmor <a >b\n", "" },
        { "az login\n", "prompt 3:1" },
        { "az login --identity\n", "" },
        { "sudo -u azureuser conda create -n x\n", "prompt 3:19" },
        { "sudo -u azureuser pip uninstall x\n", "prompt 3:19" },
        { "sudo -u azureuser python3 -m pip uninstall x\n", "prompt 3:19" },
        { "sudo -u azureuser pip uninstall -y x\n", "" },
    };
    check_rows(HEAD, rows, COUNT(rows), &plain);
}

static void powering_off(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "sudo shutdown -h now\n", "shutdown 3:6" },
        { "shutdown +10\n", "shutdown 3:1" },
        { "/sbin/poweroff\n", "shutdown 3:1" },
        { "halt\n", "shutdown 3:1" },
        { "init 0\n", "shutdown 3:1" },
        { "systemctl poweroff\n", "shutdown 3:1" },
        { "sudo bash -c 'sleep 1; poweroff'\n", "shutdown 3:24" },
        { "shutdown -r now\n", "" },
        { "init 3\n", "" },
        { "git init 0\n", "" },
        { "echo shutdown\n", "" },
        { "systemctl restart ssh\n", "" },
        { "cat >/etc/cron.d/x <<'EOF'\n0 0 * * * root shutdown\nEOF\n", "" },
    };
    check_rows(HEAD, rows, COUNT(rows), &plain);
}

static void environments_belong_to_the_user(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "conda install -y numpy\n", "not-as-user 3:1" },
        { "/anaconda/bin/conda create -y -n x\n", "not-as-user 3:1" },
        { "pip install numpy\n", "not-as-user 3:1" },
        { "python3 -m pip install numpy\n", "not-as-user 3:1" },
        { "sudo pip3 install numpy\n", "not-as-user 3:6" },
        { "jupyter labextension install x\n", "not-as-user 3:1" },
        { "python -m ipykernel install --name x\n", "not-as-user 3:1" },
        { "sudo -u root conda install -y x\n", "not-as-user 3:14" },
        { "sudo bash <<'EOF'\npip install x\nEOF\n", "not-as-user 4:1" },
        { "{% for _, p in ipairs(packages) do %}\npip install {{ p }}\n{% end %}\n",
          "not-as-user 4:1" },
        { "{% as_user() %}\nid\n{% end %}\npip install x\n", "not-as-user 6:1" },
        { "{% as_user() %}\n{% if x then %}\npip install x\n{% end %}\nconda install -y x\n{% end "
          "%}\n"
          "pip install y\n",
          "not-as-user 9:1" },
        { "{% as_user() %}\npip install x\n{% end %}\n", "" },
        { "{% as_user({ user = \"azureuser\" }) %}\nconda install -y x\n{% end %}\n", "" },
        { "sudo -u azureuser -i pip install x\n", "" },
        { "sudo -iu azureuser pip install x\n", "" },
        { "sudo --user=azureuser pip install x\n", "" },
        { "sudo -u \"$CI_LOCAL_UBUNTU_USER\" -i <<'EOF'\npip install x\nEOF\n", "" },
        { "su - azureuser -c 'pip install x'\n", "" },
        { "su azureuser <<'EOF'\nconda update -y x\nEOF\n", "" },
        { "runuser -u azureuser -- pip install x\n", "" },
        { "runuser -l azureuser -c 'pip install x'\n", "" },
        { "pip --version\nconda list\njupyter kernelspec list\nconda info\n", "" },
        { "/opt/venv/bin/pip install x\n", "" },
        { "\"$venv/bin/pip\" install x\n", "" },
        { ". /opt/venv/bin/activate\npip install x\n", "" },
        { "echo pip install x\n", "" },
    };
    check_rows(HEAD, rows, COUNT(rows), &plain);
}

static void what_is_lost_in_a_new_shell(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "sudo -u azureuser -i <<'EOF'\necho \"$1\"\nEOF\n", "lost-argument 4:7" },
        { "sudo -u azureuser -i bash <<'EOF'\necho \"${1:-x}\" \"$@\" $#\nEOF\n",
          "lost-argument 4:7, lost-argument 4:17, lost-argument 4:21" },
        { "sudo -u azureuser -i <<EOF\necho \"\\$1\"\nEOF\n", "lost-argument 4:8" },
        { "sudo -u azureuser -i <<EOF\necho '$1'\nEOF\n", "" }, /* expanded outside */
        { "sudo -u azureuser bash -c 'echo $1'\n", "lost-argument 3:33" },
        { "sudo -u azureuser bash -c \"echo $1\"\n", "" },
        { "sudo -u azureuser bash -c \"echo \\$1\"\n", "lost-argument 3:34" },
        { "sudo -u azureuser bash -c 'echo $1' _ \"$1\"\n", "" },
        { "sudo -u azureuser -i bash -s -- \"$@\" <<'EOF'\necho $1\nEOF\n", "" },
        { "sudo -u azureuser -i bash -s <<'EOF'\necho $1\nEOF\n", "lost-argument 4:6" },
        { "sudo -u azureuser -i <<'EOF'\nset -- a b\necho $1\nEOF\n", "" },
        { "sudo -u azureuser -i <<'EOF'\nf() { echo $1; }\nf a\nEOF\n", "" },
        { "sudo -u azureuser -i <<'EOF'\nawk '{ print $1 }' x\nEOF\n", "" },
        { "bash <<'EOF'\necho $1\nEOF\n", "lost-argument 4:6" },
        { "xargs sh -c 'echo $1' _\n", "" },
        { "find . -exec sh -c 'echo $1' _ {} \\;\n", "" },
        { "cat >x <<'EOF'\necho $1\nEOF\n", "" },
        { "echo $1\n", "" },
        { "su - azureuser -c 'echo $1'\n", "lost-argument 3:25" },
        { "cat <<'EOF' | sudo -u azureuser bash\necho $1\nEOF\n", "lost-argument 4:6" },
        { "sudo -u azureuser -i <<'EOF'\nbash -c 'echo $1'\nEOF\n", "lost-argument 4:15" },
        { "sudo -u azureuser -i <<-'EOF'\n\techo $1\n\tEOF\n", "lost-argument 4:7" },
        { "sudo -u azureuser -i <<'EOF'\necho \"$CI_NAME\"\nEOF\n", "lost-variable 4:7" },
        { "sudo -u azureuser bash -c 'echo ${CI_WORKSPACE}'\n", "lost-variable 3:33" },
        { "sudo -E -u azureuser bash -c 'echo $CI_NAME'\n", "" },
        { "sudo -u azureuser CI_NAME=\"$CI_NAME\" bash -c 'echo $CI_NAME'\n", "" },
        { "sudo -u azureuser env CI_NAME=\"$CI_NAME\" bash -c 'echo $CI_NAME'\n", "" },
        { "sudo -u azureuser -i <<EOF\nCI_NAME='$CI_NAME'\necho \\$CI_NAME\nEOF\n", "" },
        { "bash -c 'echo $CI_NAME'\n", "" }, /* the environment goes through */
        { "x=1\nsudo -u azureuser -i <<'EOF'\necho $x $y $HOME\nEOF\n", "lost-variable 5:6" },
        { "x=1\nsudo -u azureuser -i <<'EOF'\nx=2\necho $x\nEOF\n", "" },
        { "x=1\nsudo -u azureuser -i <<'EOF'\nx=$x:2\nEOF\n", "lost-variable 5:3" },
        { "x=1\nsudo -u azureuser -i <<'EOF'\n. ./settings\necho $x\nEOF\n", "" },
        { "for x in 1 2; do sudo -u azureuser bash -c 'echo $x'; done\n", "lost-variable 3:50" },
        { "export PATH=/opt:$PATH\nsudo -u azureuser bash -c 'echo $PATH'\n", "" },
        { "{% as_user() %}\necho \"$1\" \"$CI_NAME\"\n{% end %}\n", "" },
        { "x=1\n{% as_user() %}\necho $x\n{% end %}\n", "lost-variable 5:6" },
        { "x=1\n{% as_user() %}\nx=2\necho $x\n{% end %}\n", "" },
        { "x=1\n{% as_user() %}\necho {{ x }} $y $PATH\n{% end %}\necho $x\n", "" },
    };
    check_rows(HEAD, rows, COUNT(rows), &plain);
}

static void raw_values(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "echo {{ raw(x) }}\n", "raw 3:9" },
        { "echo \xC3\xA4 {{ x .. raw (y) }}\n", "raw 3:16" },
        { "{% local y = raw(x) %}\necho {{ y }}\n", "raw 3:14" },
        { "echo {{ x.raw(y) }} {{ 'raw(x)' }} {{ draw(x) }} {{ raw }}\n", "" },
        { "echo {# raw(x) #} raw x\n", "" },
        { "echo {{{{ raw(x) }}\n", "" },
        { "echo {{ x\n", "template 3:6" },
        { "echo ${#x}\n", "" },
    };
    check_rows(HEAD, rows, COUNT(rows), &plain);
}

static void secrets_in_plain_text(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "password=hunter2\n", "secret 3:10" },
        { "export DB_PASSWORD='correct horse'\n", "secret 3:21" },
        { "mysql --password=hunter2\n", "secret 3:18" },
        { "tool --password hunter2\n", "secret 3:17" },
        { "curl -u ada:hunter2 https://x.test\n", "secret 3:9" },
        { "TOKEN=a8f5f167f44f4964e6c998dee827110c\n", "secret 3:7" },
        { "echo 'Server=db;User=sa;Pwd=hunter2;'\n", "secret 3:29" },
        { "cat >x <<'EOF'\npassword: \"hunter2\"\nEOF\n", "secret 4:12" },
        { "cat >x <<EOF\n{ \"client_secret\": \"q8Q~abcdefgh1234567\" }\nEOF\n", "secret 4:21" },
        { "curl -H 'Authorization: Bearer abcdefghij1234567890xyz' x\n", "secret 3:32" },
        { "git clone https://ada:hunter2@x.test/r\n", "secret 3:23" },
        { "# ghp_abcdefghijklmnopqrstuvwxyz0123456789\n", "secret 3:3" },
        { "echo ghp_abcdefghijklmnopqrstuvwxyz0123456789\n", "secret 3:6" },
        { "X='DefaultEndpointsProtocol=https;AccountName=a;AccountKey="
          "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3A=;'\n",
          "secret 3:60" },
        { "cat >k <<'EOF'\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nEOF\n",
          "secret 4:1" },
        { "password=$1\nTOKEN=\"$TOKEN\"\nx_token=$(cat f)\napi_key={{ key }}\n", "" },
        { "password=\ntoken=''\nPASSWORD_FILE=/run/secrets/x\nTOKEN_URL=https://x.test/y1\n", "" },
        { "mysql --password-stdin\ntool --password \"$p\"\ntool --password -\n", "" },
        { "password=changeme\npassword=/etc/x\ntoken=disabled\nsecret=my-secret-name\n", "" },
        { "sed -i 's/password=.*/password=/' f\ngrep 'password: ' f\n", "" },
        { "# password=hunter2 is a bad one\n", "" },
        { "echo 'the password: none is needed'\necho \"token = is what\"\n", "" },
        { "curl -H \"Authorization: Bearer $TOKEN\" -u \"ada:$p\" x\n", "" },
        { "git clone https://x-access-token:$TOKEN@x.test/r\ncurl https://x.test:8080/a@b\n", "" },
        { "grep -q 'BEGIN RSA PRIVATE KEY-----' f\necho AKIAIOSFODNN7EXAMPLE\n", "" },
        { "echo ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1\n", "" },
        { "useradd -p '*' ada\nchage -M 90 ada\n", "" },
    };
    check_rows(HEAD, rows, COUNT(rows), &plain);
}

static void cached_scripts_ask_for_no_instance(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "echo \"setting up $CI_NAME\"\n", "cached-instance 3:18" },
        { "cat >x <<EOF\n${CI_WORKSPACE}\nEOF\n", "cached-instance 4:1" },
        { "sudo -E -u azureuser bash -c 'echo $CI_NAME'\n", "cached-instance 3:36" },
        { "x=$(hostname)\n", "cached-instance 3:5" },
        { "{% as_user() %}\necho $CI_NAME\n{% end %}\n", "cached-instance 4:6" },
        { "echo '$CI_NAME' $CI_LOCAL_UBUNTU_USER # $CI_NAME\n", "" },
        { "hostname my-host\nuname -r\n", "" },
    };
    check_rows(HEAD, rows, COUNT(rows), &cached);
    static const struct row quiet[] = { { "echo $CI_NAME; hostname\n", "" } };
    check_rows(HEAD, quiet, COUNT(quiet), &plain);
}

static void switched_off(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "# moonfleet: disable=prompt\napt-get install a\napt-get install b\n", "prompt 5:1" },
        { "# moonfleet: disable=prompt,not-as-user\n# why\n\npip uninstall a\n", "" },
        { "apt-get install a # moonfleet: disable=prompt\napt-get install b\n", "prompt 4:1" },
        { "# moonfleet: disable=prompt\nid && \\\n  apt-get install a\n", "" },
        { "# moonfleet: disable=promt\nid\n", "unknown-rule 3:1" },
        { "# moonfleet: disable=SC2086 -- words are meant\nid\n", "" },
        { "# moonfleet: off\nid\n", "unknown-rule 3:1" },
        { "echo '# moonfleet: disable=prompt'\napt-get install a\n", "prompt 4:1" },
        { "sudo bash <<'EOF'\n# moonfleet: disable=prompt\napt-get install a\napt-get install b\n"
          "EOF\n",
          "prompt 6:1" },
    };
    check_rows(HEAD, rows, COUNT(rows), &plain);
    static const struct row whole[] = {
        { "#!/bin/bash\n# moonfleet: disable=prompt, no-errexit\nid\napt-get install a\n", "" },
        { "# moonfleet: disable=no-shebang\nid\n", "" },
    };
    check_rows("", whole, COUNT(whole), &plain);
}

/* What is legal but odd must not lead the reader astray: the prompt behind it is still seen. */
static void reads_the_shell_language(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "x=(a \"b)\" # )\n c)\nrm -i x\n", "prompt 5:1" },
        { "echo $((1 + (2 * 3))) $((x[1]))\nrm -i x\n", "prompt 4:1" },
        { "((i++))\nrm -i x\n", "prompt 4:1" },
        { "[[ $x =~ ^(a|b)$ && $y < $z ]] && rm -i x\n", "prompt 3:35" },
        { "echo \"${x:-\"a}b\"}\" ${x//\\}/} ${x:-'}'}\nrm -i x\n", "prompt 4:1" },
        { "echo $'it\\'s' $\"a\"\nrm -i x\n", "prompt 4:1" },
        { "cat <<A <<'B'\n$(rm -i a)\nA\n$(rm -i b)\nB\nrm -i x\n", "prompt 4:3, prompt 8:1" },
        { "cat <<\"E F\"\nE\nE F\nrm -i x\n", "prompt 6:1" },
        { "echo a >&2 2>&1 &>x; rm -i x\n", "prompt 3:22" },
        { "echo a#b; rm -i x\n", "prompt 3:11" },
        { "ls @(a|b) !(c) && rm -i x\n", "prompt 3:19" },
        { "function f { rm -i x; }\n", "prompt 3:14" },
        { "f () (\n rm -i x\n)\n", "prompt 4:2" },
        { "until false; do rm -i x; done & wait\n", "prompt 3:17" },
        { "{ rm -i x; } | cat\n", "prompt 3:3" },
        { "diff <(ls a) <(rm -i x)\n", "prompt 3:16" },
        { "! time rm -i x\n", "prompt 3:8" },
        { "case x in (a) : ;; b) rm -i x ;& *) : ;;& esac\nrm -i y\n", "prompt 3:23, prompt 4:1" },
        { "echo $(case x in a) echo ;; esac) && rm -i x\n", "prompt 3:38" },
        { "echo \"$(echo \"`rm -i x`\")\"\n", "prompt 3:16" },
        { "a=1 b=$(rm -i x) >y rm -i z\n", "prompt 3:9, prompt 3:21" },
        { "if true\nthen rm -i x\nelif rm -i y\nthen :\nelse rm -i z\nfi\n",
          "prompt 4:6, prompt 5:6, prompt 7:6" },
        { "echo 'a\nb' \"c\nd\"\nrm -i x\n", "prompt 6:1" },
        { "echo {{ x }} '{{ y }}' \"{{ z }}\"\nrm -i x\n", "prompt 4:1" },
        { "{% if a then %}\nrm -i x\n{% else %}\nrm -i y\n{% end %}\n", "prompt 4:1, prompt 6:1" },
        { "rm -i x;\n\n\n  rm -i y &\n", "prompt 3:1, prompt 6:3" },
        { "echo 'never ends\nrm -i x\n", "" },
        { "cat <<EOF\nrm -i x\n", "" },
    };
    check_rows(HEAD, rows, COUNT(rows), &plain);
}

static void too_large(void **state)
{
    (void)state;
    struct buffer text = { 0 };
    struct lint *lint = NULL;
    buffer_text(&text, "#!/bin/sh\nset -e\n");
    while (text.size <= SETUP_SCRIPT_MAX)
        buffer_text(&text, "# nothing\n");
    buffer_text(&text, "id\n");
    struct buffer found = { 0 };
    findings_of(text.data, text.size, &plain, &found);
    assert_string_equal(found.data, "too-large 1:1");
    buffer_clear(&found);
    while (text.size <= LINT_TEXT_MAX)
        buffer_text(&text, "# nothing\n");
    assert_int_equal(lint_new(text.data, text.size, &plain, &lint, NULL), ERROR_TOO_LARGE);
    buffer_clear(&text);
}

/* Texts that would make a careless reader slow, deep or large: each is a quarter of a mebibyte
 * of one piece. */
static void hostile_scripts_take_no_time(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "apt-get install $x && pip install \"$1\" # why\n",
        "(",
        ")",
        "( ",
        "((",
        "$(",
        "$((",
        "`",
        "`\\`",
        "${",
        "${x:-",
        "\"$(",
        "\"",
        "'",
        "\\",
        "{ ",
        "if ",
        "fi ",
        "( fi ",
        "case x in ",
        "case x in a) ",
        ";;",
        "cat <<A <<B\n",
        "<<",
        "<<A\n",
        "\n",
        "#",
        "a=(",
        "f() ",
        "function ",
        "[[ ",
        "|",
        "&",
        "sk-",
        "eyJ-",
        "://a:",
        "password=",
        "# moonfleet: disable=prompt\n",
        "# moonfleet: disable=x\n",
        "{% as_user() %}x{% end %}",
        "{{ x }}",
        "{{ raw(x) }}\n",
        "sudo bash <<E\n",
        "bash -c '",
        "sudo sudo ",
        "x=$x;",
        "rm -i x;",
        "sudo bash -c 'echo $x$1';",
        "\xC3\xA4",
        "\xFF",
        "\r\n",
        "<(",
        "for x in ",
        "! ",
        "$'",
        "a=$",
        "((x",
        "a|",
    };
    for (size_t i = 0; i < COUNT(pieces); i++) {
        struct buffer text = { 0 };
        struct lint *lint = NULL;
        size_t count = 0;
        buffer_text(&text, HEAD);
        while (text.size < (1 << 18))
            buffer_text(&text, pieces[i]);
        int64_t begins_ms = clock_monotonic_ms(clock_real());
        assert_int_equal(lint_new(text.data, text.size, &cached, &lint, NULL), 0);
        (void)lint_findings(lint, &count);
        int64_t took_ms = clock_monotonic_ms(clock_real()) - begins_ms;
        if (took_ms > 20000) /* sanitizers and a busy machine; quadratic would be minutes */
            fail_msg("'%s' took %d ms", pieces[i], (int)took_ms);
        if (getenv("LINT_TIMES"))
            print_message("%6d ms %6zu %s\n", (int)took_ms, count, pieces[i]);
        assert_true(count <= LINT_FINDINGS_MAX);
        lint_free(lint);
        buffer_clear(&text);
    }
}

/* What `setup render` writes for an as_user block, as far as it matters. */
#define BLOCK                                                                                      \
    "{ # as_user azureuser\n  echo \"$1\"\n  moonfleet_quote <<'MOONFLEET_AS_USER'\n"              \
    "pip install x\nrm -i $CI_NAME\nMOONFLEET_AS_USER\n  echo '</dev/null'\n} | if true; then :\n" \
    "else su - azureuser -c 'bash -l'; fi\n"

static void rendered_blocks_are_the_users(void **state)
{
    (void)state;
    static const struct lint_options rendered = { .rendered = true };
    static const struct row rows[] = {
        { BLOCK, "prompt 7:1" },
        { "rm -i {{ x\n" BLOCK "pip install x\n", "prompt 3:1, prompt 8:1, not-as-user 13:1" },
        { "{ # as_user azureuser\nid\n}\nrm -i x\n", "prompt 6:1" },
        { "{ # as_user azureuser\n  moonfleet_quote <<''\n\nrm -i x\n", "prompt 6:1" },
        { "{ # as_user azureuser\n  moonfleet_quote <<'\n", "" },
    };
    check_rows(HEAD, rows, COUNT(rows), &rendered);
    struct buffer out = { 0 };
    lint_open_blocks("id\n" BLOCK "id\n", strlen("id\n" BLOCK "id\n"), &out);
    assert_int_equal(out.size, strlen("id\n" BLOCK "id\n"));
    assert_non_null(strstr(out.data, "\npip install x\nrm -i $CI_NAME\n)    "));
    assert_non_null(strstr(out.data, "id\n(    "));
    assert_null(strstr(out.data, "moonfleet_quote"));
    buffer_clear(&out);
}

static void rules_are_in_order_and_whole(void **state)
{
    (void)state;
    for (size_t i = 0; lint_rule(i); i++) {
        const struct lint_rule *rule = lint_rule(i);
        assert_true(i == 0 || strcmp(lint_rule(i - 1)->name, rule->name) < 0);
        assert_true(*rule->summary && *rule->why && *rule->mend);
        assert_ptr_equal(lint_rule_find(rule->name), rule);
    }
    assert_null(lint_rule_find("prompts"));
}

static void other_tools_findings_are_sorted_in(void **state)
{
    (void)state;
    static const char text[] = HEAD "# moonfleet: disable=SC1000\nrm -i $x\nid $y\n";
    struct lint *lint = NULL;
    size_t count = 0;
    assert_int_equal(lint_new(text, strlen(text), &plain, &lint, NULL), 0);
    assert_int_equal(lint_add(lint, "shellcheck", "SC2086", LINT_HINT, 5, 4, "quote"), 0);
    assert_int_equal(lint_add(lint, "shellcheck", "SC1000", LINT_HINT, 4, 7, "quiet"), 0);
    assert_int_equal(lint_add(lint, "shellcheck", "SC1000", LINT_ERROR, 5, 1, "loud"), 0);
    const struct lint_finding *findings = lint_findings(lint, &count);
    assert_int_equal(count, 3);
    assert_string_equal(findings[0].rule->name, "prompt");
    assert_string_equal(findings[1].message, "loud");
    assert_string_equal(findings[2].code, "SC2086");
    assert_int_equal(lint_count(lint, LINT_ERROR), 2);
    assert_int_equal(lint_count(lint, LINT_HINT), 1);
    assert_string_equal(lint_shell(lint), "bash");
    lint_free(lint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_first_line),
        cmocka_unit_test(a_zero_byte_is_no_text),
        cmocka_unit_test(prompts),
        cmocka_unit_test(powering_off),
        cmocka_unit_test(environments_belong_to_the_user),
        cmocka_unit_test(what_is_lost_in_a_new_shell),
        cmocka_unit_test(raw_values),
        cmocka_unit_test(secrets_in_plain_text),
        cmocka_unit_test(cached_scripts_ask_for_no_instance),
        cmocka_unit_test(switched_off),
        cmocka_unit_test(reads_the_shell_language),
        cmocka_unit_test(too_large),
        cmocka_unit_test(hostile_scripts_take_no_time),
        cmocka_unit_test(rendered_blocks_are_the_users),
        cmocka_unit_test(rules_are_in_order_and_whole),
        cmocka_unit_test(other_tools_findings_are_sorted_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
