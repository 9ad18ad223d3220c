"""Signs and sends requests, and verifies webhooks, with nothing but Python 3.8 or later.

As a program: API=https://... KEY=... SECRET=... python3 pilegate.py GET /v1/stations
"""

import base64
import hashlib
import hmac
import os
import secrets
import sys
import time
import urllib.error
import urllib.request


def signed_headers(key, secret, method, path, body=b"", timestamp=None, nonce=None):
    """The headers of a request; path has the query exactly as it is sent."""
    timestamp = str(int(time.time()) if timestamp is None else timestamp)
    nonce = secrets.token_hex(16) if nonce is None else nonce
    digest = hashlib.sha256(body).hexdigest()
    text = "\n".join(["v1", method, path, timestamp, nonce, digest])
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {
        "Pilegate-Key": key,
        "Pilegate-Timestamp": timestamp,
        "Pilegate-Nonce": nonce,
        "Pilegate-Signature": "v1=" + signature,
    }


def call(api, key, secret, method, path, body=b""):
    """Sends a request; returns its status and the bytes of the answer."""
    headers = signed_headers(key, secret, method, path, body)
    if body:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(api + path, data=body or None, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read()


def is_webhook_genuine(secret, headers, body, now=None):
    """Standard Webhooks 1.0. headers: names in lower case; body: the bytes as they came."""
    timestamp = headers["webhook-timestamp"]
    if abs((time.time() if now is None else now) - int(timestamp)) > 300:
        return False
    prefix = "whsec_"
    key = base64.b64decode(secret[len(prefix):])
    text = headers["webhook-id"].encode() + b"." + timestamp.encode() + b"." + body
    expected = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    # While a secret is being rotated there are two signatures.
    return any(hmac.compare_digest(given, expected) for given in headers["webhook-signature"].split(" "))


if __name__ == "__main__":
    method, path = sys.argv[1:3]
    sent = sys.argv[3].encode() if len(sys.argv) > 3 else b""
    status, answer = call(os.environ["API"], os.environ["KEY"], os.environ["SECRET"], method, path, sent)
    print(answer.decode())
    sys.exit(0 if status < 400 else 1)
