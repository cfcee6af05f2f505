#!/bin/bash
echo "a file of a script: {{ ds }} {{ params.column }}"
