#!/bin/sh
# object_store_secrets ACCOUNT...: make the store's user, and a secret for the operator and each account that has none.
# A secret is made here, lies in a file of root's alone, and is never printed. Says what it made.
set -eu
umask 077
systemd-sysusers /etc/sysusers.d/govcloud-object-store.conf
folder=/etc/govcloud/object-store
mkdir -p "$folder/accounts"
for account in operator "$@"; do
    file=$folder/accounts/$account.yaml
    [ -s "$file" ] && continue
    printf 'access: %s\nsecret: %s\n' "$account" "$(head -c 30 /dev/urandom | base64 -w 0 | tr '+/' '-_')" >"$file.new"
    mv "$file.new" "$file"
    echo "made a secret for $account"
done
sed -e 's/^access: /ROOT_ACCESS_KEY=/' -e 's/^secret: /ROOT_SECRET_KEY=/' "$folder/accounts/operator.yaml" >"$folder/environment.new"
if ! cmp -s "$folder/environment.new" "$folder/environment"; then
    echo "gave the operator's secret to the store"
fi
mv "$folder/environment.new" "$folder/environment"
