#!/usr/bin/env bash
set -euo pipefail
# A comment, not a #hashtag
NAME="world" COUNT=3
export PATH="$HOME/bin:${PATH:-/usr/bin}"

greet() {
  local who=$1
  echo "Hello, ${who}! It is $(date +%H:%M) \"now\"" 'raw $x'
}

if [ -f "$1" ] && [[ $COUNT -gt 2 ]]; then
  for file in *.md; do
    grep -q 'draft: true' "$file" || cp --verbose "$file" out/ 2>/dev/null
  done
fi

cat <<EOT > config.toml
title = "$NAME"
EOT
cat <<'EOT'
not $expanded
EOT
$ npm install --save-dev commonmark-spec
curl -sS https://example.org/a#b | jq '.items[]' | sort -u
sudo apt-get install -y build-essential \
  curl
