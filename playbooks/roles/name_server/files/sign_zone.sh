#!/bin/sh
# sign_zone ZONE DAYS: keep the zone signed with a key that is made here and stays. Says when it signed anew: the zone has
# changed, or its signatures end within 30 days. The file anchor has the DS record that the zone's parent publishes.
set -eu
umask 077
zone=$1 days=$2
cd /etc/govcloud/name-server
chmod 755 .
mkdir -p keys

set -- keys/K"$zone".*.key
if [ ! -s "$1" ]; then
    rm -rf keys/making
    mkdir keys/making
    (cd keys/making && ldns-keygen -a ECDSAP256SHA256 -k "$zone" >/dev/null)
    mv keys/making/*.private keys/making/*.ds keys/
    mv keys/making/*.key keys/
    rmdir keys/making
    set -- keys/K"$zone".*.key
fi
key=${1%.key}

state="$(cat zone "$key.key" | sha256sum) $days"
now=$(date +%s)
if [ -s zone.signed ] && [ "$(head -n 1 signed 2>/dev/null)" = "$state" ] &&
    [ "$(tail -n 1 signed)" -gt $((now + 30 * 86400)) ]; then
    exit 0
fi
ends=$((now + days * 86400))
sed "s/SERIAL/$now/" zone >zone.numbered
ldns-signzone -o "$zone" -i "$(date -u -d @$((now - 3600)) +%Y%m%d%H%M%S)" -e "$(date -u -d "@$ends" +%Y%m%d%H%M%S)" \
    -f zone.new zone.numbered "$key"
ldns-key2ds -n -2 "$key.key" >anchor.new
chmod 644 zone.new anchor.new zone zone.numbered
mv anchor.new anchor
mv zone.new zone.signed
printf '%s\n%s\n' "$state" "$ends" >signed
echo "signed $zone"
