#!/bin/bash
# What this archive proves. Unpack it, and run this in its folder; it needs bash and openssl 3.
# The certificates of the authority that stamps can be given: bash verify.sh CERTIFICATES.pem
set -u
openssl pkeyutl -help 2>&1 | grep -qe -rawin || { echo "Nothing was verified: this needs OpenSSL 3, and grep."; exit 2; }
[ -z "${1-}" ] || [ -r "$1" ] || { echo "WRONG: $1 cannot be read"; exit 1; }
authorities=${1:+$(realpath "$1")}
cd "$(dirname "$0")" || exit 1
wrong=0
say() { if [ "$1" = "$2" ]; then echo "good: $3"; else echo "WRONG: $3"; wrong=1; fi; }
hash() { openssl dgst -sha256 -r | cut -d' ' -f1; }
bytes() { printf "$(sed 's/../\\x&/g' <<<"$1")"; }
value() { grep -o "\"$2\":\"[^\"]*\"" "$1" | head -n 1 | cut -d'"' -f4; }

# 1. The audio, if it is here, has the hash that the manifest says.
sealed=$(grep -o '"audio":{[^}]*}' manifest.json | grep -o '"sha256":"[^"]*"' | cut -d'"' -f4)
heard=0
for audio in *; do
	case $audio in manifest.json | personal.json | path.txt | head.json | head.sig | key.pem | stamp.tsr | stamp-ca.pem | verify.sh | READ-ME.txt) ;;
	*)
		heard=1
		say "$sealed" "$(hash <"$audio")" "$audio is the audio that was sealed"
		;;
	esac
done
[ $heard = 1 ] || echo "note: the audio is not here; what was sealed has the SHA-256 $sealed"

# 2. Names and numbers have theirs; of those that were erased, or are not to be shown, the file is empty.
if [ -s personal.json ]; then
	say "$(value manifest.json personal_sha256)" "$(hash <personal.json)" "the names and numbers are those that were written down"
else
	echo "good: the names and numbers are left out, or erased; the manifest has only their hash"
fi

# 3. From the manifest, a leaf (RFC 9162), the path leads to the root that the head says.
root=$({ printf '\0'; cat manifest.json; } | hash)
while read -r side other; do
	case $side in
	left) root=$(bytes "01$other$root" | hash) ;;
	right) root=$(bytes "01$root$other" | hash) ;;
	*) root="no path" ;;
	esac
done <path.txt
say "$(value head.json sha256)" "$root" "the manifest is one of those that the head stands for"
say "$(value head.json organisation)" "$(value manifest.json organisation)" "they are of the same organisation"

# 4. The head is signed with the key.
openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in head.json -sigfile head.sig >/dev/null 2>&1
say "$?" 0 "the head is signed with the key in key.pem"
say "$(value head.json key_id)" "$(openssl pkey -pubin -in key.pem -outform DER | tail -c 32 | hash | cut -c1-16)" "and says so"

# 5. An authority outside has stamped head and signature with its time (RFC 3161), where it was asked to.
if [ -e stamp.tsr ]; then
	stamped=$(openssl ts -reply -in stamp.tsr -text 2>/dev/null | sed -n 's/^Time stamp: //p')
	at=$(date -u -d "$stamped" +%s 2>/dev/null) # its certificate had to be good then, and need not be now
	openssl ts -verify -digest "$(cat head.json head.sig | hash)" -in stamp.tsr -CAfile "${authorities:-stamp-ca.pem}" ${at:+-attime "$at"} >/dev/null 2>&1
	say "$?" 0 "the head was there at $stamped, by the authority that ${authorities:-stamp-ca.pem} names"
fi
echo "The key is $(value head.json key_id). Whose it is you know from the recorder: /api/v1/evidence/keys"
exit $wrong
