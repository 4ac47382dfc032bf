#!/bin/sh
# issue_certificate NAME OWNER NAMES: keep a certificate of this cloud's own authority for NAMES (as openssl has them:
# DNS:one.test,IP:10.0.0.1) in /etc/govcloud/certificates/NAME.crt and .key. Says so when it makes one, and says nothing
# when the one that is there does. The key is OWNER's alone. Without words it makes the authority alone.
set -eu
umask 077
name=${1-} owner=${2-} names=${3-}
authority=/etc/govcloud/authority
folder=/etc/govcloud/certificates
mkdir -p "$authority" "$folder"
chmod 755 "$folder" "${folder%/*}"
exec 9>"$authority/lock"
flock 9

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! openssl x509 -in "$authority/authority.pem" -noout -checkend 31536000 >/dev/null 2>&1; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Authority of $(hostname)" \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$work/key.pem" -out "$work/authority.pem" 2>/dev/null
    mv "$work/key.pem" "$authority/key.pem"
    mv "$work/authority.pem" "$authority/authority.pem"
    echo "made the authority"
fi
[ -n "$name" ] || exit 0

if openssl verify -CAfile "$authority/authority.pem" "$folder/$name.crt" >/dev/null 2>&1 &&
    openssl x509 -in "$folder/$name.crt" -noout -checkend 2592000 >/dev/null &&
    [ "$(cat "$folder/$name.names" 2>/dev/null)" = "$names" ] &&
    [ "$(openssl x509 -in "$folder/$name.crt" -noout -pubkey)" = "$(openssl pkey -in "$folder/$name.key" -pubout 2>/dev/null)" ] &&
    [ "$(stat -c %U:%a "$folder/$name.key")" = "$owner:400" ]; then
    exit 0
fi
cat >"$work/extensions" <<END
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $names
END
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
    -keyout "$work/key" -out "$work/request" 2>/dev/null
openssl x509 -req -in "$work/request" -CA "$authority/authority.pem" -CAkey "$authority/key.pem" -days 397 \
    -extfile "$work/extensions" -out "$work/certificate" 2>/dev/null
chmod 400 "$work/key"
chmod 644 "$work/certificate"
chown "$owner" "$work/key"
rm -f "$folder/$name.names"
mv "$work/key" "$folder/$name.key"
mv "$work/certificate" "$folder/$name.crt"
echo "$names" >"$folder/$name.names"
echo "issued $name"
