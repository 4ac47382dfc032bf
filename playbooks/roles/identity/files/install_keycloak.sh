#!/bin/sh
# install_keycloak ARCHIVE HOME OPTION...: unpack Keycloak into HOME and build it for the options, which takes half a
# minute once and spares it at every start. Says so, and says nothing where it stands already.
set -eu
archive=$1 home=$2
shift 2
wanted="$(stat -c '%s %Y' "$archive") $*"
[ "$(cat "$home/.govcloud" 2>/dev/null)" = "$wanted" ] && exit 0

digest=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["files"][sys.argv[2]])' \
    "$(dirname "$archive")/../manifest.json" "archives/$(basename "$archive")")
echo "$digest  $archive" | sha256sum --check --status ||
    { echo "$archive is not what the media's manifest says" >&2; exit 1; }
systemd-sysusers /etc/sysusers.d/govcloud-identity.conf
rm -rf "$home.new"
mkdir -p "$home.new"
tar --extract --gzip --file "$archive" --directory "$home.new" --strip-components 1 --no-same-owner
JAVA_OPTS_KC_HEAP='-Xmx512m' "$home.new/bin/kc.sh" build "$@" >"$home.new/build.log" 2>&1 ||
    { tail -1 "$home.new/build.log" >&2; exit 1; }
# what it writes while it runs: the realm to import, and temporary files
rm -rf "$home.new/data"
ln -s /run/govcloud-identity "$home.new/data"
echo "$wanted" >"$home.new/.govcloud"
rm -rf "$home"
mv "$home.new" "$home"
echo "installed $home"
