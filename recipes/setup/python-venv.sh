#!/bin/bash
# python-venv.sh - a Python environment of the person's own, and a Jupyter kernel that uses it.
#
# It runs as root, once, when an instance is created.  It does not ask which instance that is: every
# one gets the same environment.
{% parameter("name", { type = "string", default = "team", description = "what the kernel is called" }) %}
{% parameter("packages", { type = "list", default = {}, description = "what pip installs into it" }) %}
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
if ! python3 -c 'import ensurepip' 2>/dev/null; then
    apt-get update -q
    apt-get install -y -q --no-install-recommends python3-venv
fi

# Environments and kernels belong to the person, not to root.
{% as_user() %}
venv=$HOME/environments/{{ name }}
python3 -m venv "$venv"
{% if #packages > 0 then %}
"$venv/bin/pip" install --quiet {{ packages }}
{% end %}
echo "made $venv"
{% end %}
