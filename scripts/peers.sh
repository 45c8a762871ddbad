#!/usr/bin/env bash
# Installs the Debian packages that the interop tests use as peers. Nothing else in this repository needs root.
set -euo pipefail
packages=(mosquitto mosquitto-clients haproxy openssl gnutls-bin awscli bubblewrap opensc p11-kit p11-kit-modules softhsm2 libengine-pkcs11-openssl curl openssh-client openssh-server gcc libc6-dev make libmbedtls-dev libwolfssl-dev python3-botocore)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo "peers: all ${#packages[@]} packages are installed"
  exit 0
fi
echo "peers: installing ${missing[*]}"
sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}"
