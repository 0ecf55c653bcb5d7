#!/bin/sh
# hello.sh - a setup script that needs no network: says where it runs and greets the person.
#
#   $1  whom to greet
#
# It runs as root, once, when the instance is created.  What it prints is the instance's log
# (moonfleet logs NAME).
set -eu

person=${1:?whom to greet}

echo "setting up $CI_NAME in workspace $CI_WORKSPACE, resource group $CI_RESOURCE_GROUP"
echo "running as $(id -un) (uid $(id -u)) on $(hostname)"

# What belongs to the person is done as the person.  `sudo -i` starts a shell of its own: the
# arguments and the working directory of this script are not seen in there.
sudo -u "$CI_LOCAL_UBUNTU_USER" -i <<SCRIPT
set -eu
printf 'Hello %s, this is %s.\n' '$person' '$CI_NAME' > "\$HOME/hello.txt"
echo "wrote \$HOME/hello.txt as \$(id -un)"
SCRIPT

# What belongs to the machine is done as root.
mkdir -p /etc/moonfleet
date -u '+set up at %Y-%m-%dT%H:%M:%SZ' > /etc/moonfleet/quickstart

echo "done"
