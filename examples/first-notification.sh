#!/bin/sh
# Sends a first notification and prints what became of it.
#
#   BELLHOP_URL  where Bellhop runs (default http://127.0.0.1:3000)
#   BELLHOP_KEY  an API key; a test key (bh_test_…) reaches the simulator only
#
# Right after the first `npm start`, in the folder of this checkout:
#   BELLHOP_KEY=$(node -p "require('./data/credentials.json').testKey") sh examples/first-notification.sh
set -eu

url=${BELLHOP_URL:-http://127.0.0.1:3000}
key=${BELLHOP_KEY:?set it to an API key, see the top of this file}

call() {
  method=$1
  path=$2
  shift 2
  curl --silent --show-error --fail-with-body --request "$method" "$url$path" \
    --header "Authorization: Bearer $key" --header 'Content-Type: application/json' "$@"
  echo
}

# The user, and where she can be reached. Running this again changes nothing.
call PUT /v1/users/ada --data '{"contacts": {"email": "ada@example.com", "phone": "+14155550123"}}'

# 202 means: stored durably. A repeated request with the same Idempotency-Key would send nothing more.
accepted=$(call POST /v1/notifications --header "Idempotency-Key: first-$$-$(date +%s)" --data '{
  "userId": "ada",
  "channels": ["email", "sms", "inbox"],
  "message": {"title": "Your table is ready", "body": "Come to the bar when you arrive."}
}')
echo "$accepted"

id=$(echo "$accepted" | sed 's/.*"id":"\([^"]*\)".*/\1/')
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
  status=$(call GET "/v1/notifications/$id")
  case $status in
    *'"status":"accepted"'* | *'"status":"processing"'*) sleep 1 ;;
    *) break ;;
  esac
done
echo "$status"
