/* lint_rules.c - the rules: their names, and what is said about each of them. */
#include "setup/lint_private.h"

#include "base/text.h"

/* In the order of enum rule, which is that of their names. */
static const struct lint_rule rules[RULES] = {
    [RULE_BAD_SHEBANG] = { "bad-shebang", LINT_ERROR, true,
                           "The first line names no program that can run the script.",
                           "The kernel looks for the program behind #! by its path, not in PATH.",
                           "Begin with #!/bin/bash, #!/bin/sh or #!/usr/bin/env PROGRAM." },
    [RULE_BYTE_ORDER_MARK] = { "byte-order-mark", LINT_ERROR, false,
                               "The script begins with a byte-order mark.",
                               "The kernel looks for #! in the first two bytes; behind a mark it "
                               "finds none, the first line is "
                               "taken for a command, and another shell than it names may run "
                               "the rest.",
                               "Save the file as UTF-8 without a byte-order mark." },
    [RULE_CACHED_INSTANCE] = { "cached-instance", LINT_ERROR, false,
                               "A cached script asks which instance it runs on.",
                               "With cache = true the script runs once, and other instances start "
                               "from its result: they "
                               "would have the first one's name in it.",
                               "Leave cache out, or move what depends on the instance into a "
                               "startup script." },
    [RULE_CRLF] = { "crlf", LINT_ERROR, true, "Lines end as in Windows.",
                    "The shell takes the carriage return for a part of the last word of each line, "
                    "and the "
                    "kernel for a part of the interpreter's name.",
                    "Save it with Unix line ends: dos2unix FILE, or in .gitattributes: *.sh text "
                    "eol=lf." },
    [RULE_EMPTY] = { "empty", LINT_WARNING, false, "The script runs no command.",
                     "Nothing would be set up.",
                     "Write a command, or leave the script out of the recipe." },
    [RULE_LOST_ARGUMENT] = { "lost-argument", LINT_ERROR, false,
                             "An argument of the script is used where a new shell does not see it.",
                             "sudo, su and bash -c start a shell of its own: $1, $@ and $# are "
                             "empty in it, also in a "
                             "quoted here-document.",
                             "Use {% as_user() %} ... {% end %}, or hand them over: sudo -u "
                             "azureuser -i bash -s -- "
                             "\"$@\" <<'EOF'." },
    [RULE_LOST_VARIABLE] = { "lost-variable", LINT_ERROR, false,
                             "A variable of the script is used where sudo has taken it away.",
                             "sudo and su clear the environment: CI_NAME and the other variables "
                             "of the service, and "
                             "those of the script, are empty in what they run.",
                             "Use {% as_user() %} ... {% end %}, or hand it over: sudo -u "
                             "azureuser NAME=\"$NAME\" bash "
                             "<<'EOF'." },
    [RULE_NO_ERREXIT] = { "no-errexit", LINT_HINT, false,
                          "The script goes on after a command that failed.",
                          "The status of the last command is that of the script: a failed "
                          "installation in the middle "
                          "makes an instance that looks well.",
                          "Begin with set -eu." },
    [RULE_NO_SHEBANG] = { "no-shebang", LINT_WARNING, false,
                          "The first line does not say which shell runs the script.",
                          "The service executes the file, and does not promise what runs one "
                          "without #!; the local plane takes bash, or sh where there is none.",
                          "Begin with #!/bin/bash or #!/bin/sh, in the first two bytes of the "
                          "file." },
    [RULE_NOT_AS_USER] = { "not-as-user", LINT_WARNING, false,
                           "conda, pip or Jupyter is used as root.",
                           "Environments and kernels of an instance belong to azureuser: what root "
                           "installs is not "
                           "seen by its Jupyter, or cannot be changed by the person.",
                           "Put it into {% as_user() %} ... {% end %}, or run it with sudo -u "
                           "azureuser -i." },
    [RULE_NOT_TEXT] = { "not-text", LINT_ERROR, true, "The script is not UTF-8 text.",
                        "It travels as text; other bytes come out as something else, or not at "
                        "all.",
                        "Save it as UTF-8; fetch binary data with a command of the script." },
    [RULE_PROMPT] = { "prompt", LINT_ERROR, false, "A command waits for an answer.",
                      "Nobody is there to answer: the command fails at once, or waits until the "
                      "script's timeout.",
                      "Give the option that answers for you, named in the message." },
    [RULE_RAW] = { "raw", LINT_WARNING, false, "raw(...) puts a value into the script unquoted.",
                   "Whatever the value holds is run as shell text, as root.",
                   "Leave raw out: {{ value }} is quoted for the place where it stands." },
    [RULE_SECRET] = { "secret", LINT_ERROR, false, "A secret stands in the script in plain text.",
                      "Everybody who may read the recipe, the instance's description or its logs "
                      "can read it.",
                      "Declare it with secret \"NAME\" in the recipe and use {{ NAME }}, and "
                      "change it: it is "
                      "known." },
    [RULE_SHELLCHECK] = { "shellcheck", LINT_WARNING, false,
                          "What shellcheck found, by its own code.",
                          "shellcheck knows the shell's traps; each SC code has a page in its "
                          "wiki.",
                          "As its message says; # shellcheck disable=SC... or # moonfleet: "
                          "disable=SC... switches one "
                          "off." },
    [RULE_SHUTDOWN] = { "shutdown", LINT_ERROR, false,
                        "The script powers the machine off from inside.",
                        "That stops the machine but not the bill: the service goes on counting it "
                        "as running.",
                        "Use idle_shutdown or schedules in the recipe, or moonfleet stop." },
    [RULE_SYNTAX] = { "syntax", LINT_ERROR, true, "The shell cannot read the script.",
                      "It would stop there, after having run everything before.",
                      "As the shell's message says." },
    [RULE_TEMPLATE] = { "template", LINT_ERROR, true, "The template cannot be rendered.",
                        "There is no script to send.", "As the message says." },
    [RULE_TOO_LARGE] = { "too-large", LINT_ERROR, true,
                         "The script is larger than what can be sent.",
                         "It travels inside the request that creates the instance, and in every "
                         "reply about it.",
                         "Fetch large files with a command of the script, or keep them in the "
                         "workspace's share." },
    [RULE_UNKNOWN_RULE] = { "unknown-rule", LINT_WARNING, false,
                            "A comment switches off a rule that does not exist.",
                            "What it was meant to switch off is not.",
                            "moonfleet setup lint --rules lists the names." },
};

const struct lint_rule *lint_rule(size_t index)
{
    return index < RULES ? &rules[index] : NULL;
}

const struct lint_rule *lint_rule_find(const char *name)
{
    for (size_t i = 0; i < RULES; i++)
        if (text_equal(rules[i].name, name))
            return &rules[i];
    return NULL;
}

const char *lint_severity_name(enum lint_severity severity)
{
    static const char *const names[] = { "hint", "warning", "error" };
    return names[severity];
}
