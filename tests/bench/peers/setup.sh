#!/bin/sh
{% parameter("number", { type = "number" }) %}
{% parameter("title") %}
{% parameter("packages", { type = "list" }) %}
set -eu
echo "setting up {{ title }}"
count=$(( {{ number }} + 1 ))
for package in {{ packages }}; do
    printf 'install %s\n' "$package"
done
{% for i, package in ipairs(packages) do %}
{% if i % 2 == 1 then %}
printf '%s %s\n' {{ i }} {{ package }}
{% else %}
printf 'skip %s\n' {{ package }}
{% end %}
{% end %}
cat <<'END'
# {{ title }}
count = {{ number }}
END
echo "done $count"
