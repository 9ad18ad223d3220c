# Signs and sends requests, and verifies webhooks, with bash, curl and openssl:
#   API=https://… KEY=… SECRET=…
#   . pilegate.sh
#   call GET /v1/stations
# The secret stands among openssl's arguments for a moment: use this on a machine of your own.

# sign METHOD PATH TIMESTAMP NONCE [BODY]: the signature, in hex. PATH has the query exactly as it is sent.
sign() {
  local digest
  digest=$(printf %s "${5-}" | openssl dgst -sha256 -r | cut -d' ' -f1)
  printf 'v1\n%s\n%s\n%s\n%s\n%s' "$1" "$2" "$3" "$4" "$digest" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1
}

# call METHOD PATH [BODY]: what was answered, and after it a line with the status.
call() {
  local method=$1 path=$2 body=${3-} time nonce
  time=$(date +%s)
  nonce=$(openssl rand -hex 16)
  curl -sS -X "$method" "$API$path" ${body:+-H 'content-type: application/json' --data-binary "$body"} \
    -H "Pilegate-Key: $KEY" -H "Pilegate-Timestamp: $time" -H "Pilegate-Nonce: $nonce" \
    -H "Pilegate-Signature: v1=$(sign "$method" "$path" "$time" "$nonce" "$body")" -w '\n%{http_code}\n'
}

# webhook_signature SECRET ID TIMESTAMP < BODY: the signature that a webhook must have (Standard Webhooks 1.0).
webhook_signature() {
  local key
  key=$(printf %s "${1#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
  printf v1,
  { printf '%s.%s.' "$2" "$3" && cat; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A
}

# is_webhook_genuine SECRET ID TIMESTAMP SIGNATURES < BODY: also refuses what is older, or newer, than 300 s.
is_webhook_genuine() {
  local age expected
  age=$(($(date +%s) - $3))
  [ "${age#-}" -le 300 ] || return 1
  expected=$(webhook_signature "$1" "$2" "$3")
  case " $4 " in *" $expected "*) return 0 ;; *) return 1 ;; esac
}
