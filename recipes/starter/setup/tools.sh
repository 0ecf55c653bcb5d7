#!/bin/sh
# tools.sh - runs as root, once, when an instance is created; what it prints is its log.
#
#   $1  the person's login name
#
# There are CI_NAME, CI_WORKSPACE, CI_RESOURCE_GROUP and CI_LOCAL_UBUNTU_USER (azureuser).
# An exit status other than 0 makes the creation fail.
set -eu

login=${1:?the login name}

echo "setting up $CI_NAME for $login"

# Machine-wide things: packages, services, certificates.
# apt-get update && apt-get install -y --no-install-recommends ripgrep

# The person's own things.  `sudo -i` starts a fresh shell: it sees neither $1 nor this folder.
sudo -u "$CI_LOCAL_UBUNTU_USER" -i <<SCRIPT
set -eu
mkdir -p "\$HOME/work"
printf 'Welcome to %s.\n' '$CI_NAME' > "\$HOME/work/README"
SCRIPT

echo "done"
