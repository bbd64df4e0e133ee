#!/bin/sh
# A worker for `pouch worker --exec`: the payload on the input, the reply on the output. Needs jq.
#
#   pouch worker calculate --exec ./calculator.sh
#   echo '{"operation":"add","a":10,"b":5}' | pouch request calculate
#
# What jq says about an error goes to standard error, and from there to the requester.
exec jq --compact-output '
  if .operation == "add" then .a + .b
  elif .operation == "subtract" then .a - .b
  elif .operation == "multiply" then .a * .b
  elif .operation == "divide" then .a / .b
  else error("operation is one of add, subtract, multiply, divide")
  end | {result: .}'
