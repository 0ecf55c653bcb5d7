"""The peer of the setup bench: the same script in Jinja2, its values quoted by hand with shlex.quote.

setup.py SCRIPT   prints {"renders_a_second"} of CPU time and writes the last rendering to SCRIPT
"""
import json
import shlex
import sys
import time

import jinja2

TEMPLATE = r"""#!/bin/sh
set -eu
echo "setting up "{{ title | quote }}
count=$(( {{ number | int }} + 1 ))
for package in {{ packages | map("quote") | join(" ") }}; do
    printf 'install %s\n' "$package"
done
{% for package in packages %}
{% if loop.index % 2 == 1 %}
printf '%s %s\n' {{ loop.index }} {{ package | quote }}
{% else %}
printf 'skip %s\n' {{ package | quote }}
{% endif %}
{% endfor %}
cat <<'END'
# {{ title }}
count = {{ number }}
END
echo "done $count"
"""
RENDERS = 4000

environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
environment.filters["quote"] = shlex.quote
template = environment.from_string(TEMPLATE)
packages = ["numpy", "pandas", "scikit-learn", "two words", "$HOME", "a;b"]
best, text = 0.0, ""
for _ in range(5):
    start = time.process_time()
    for i in range(1, RENDERS + 1):
        text = template.render(number=i, title=f"it's number {i}", packages=packages)
    best = max(best, RENDERS / (time.process_time() - start))
with open(sys.argv[1], "w", encoding="utf-8") as script:
    script.write(text)
print(json.dumps({"renders_a_second": round(best)}))
