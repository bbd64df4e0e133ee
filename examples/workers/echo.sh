#!/bin/sh
# The smallest worker for `pouch worker --pipe`: answers each request with its payload. Needs jq.
#
#   pouch worker echo --pipe ./echo.sh
exec jq --compact-output --unbuffered '{request_id, payload}'
