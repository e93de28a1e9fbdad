#!/usr/bin/env bash
# Builds what the tests of deploy/ need, from published Go modules, into a folder that is kept between runs:
#
#   deploy/tools.sh collector     the Collector of collector/builder.yaml
#   deploy/tools.sh kustomize     kustomize, and the schemas of the Prometheus operator
#   deploy/tools.sh compose       what loads compose files for Docker Compose, and their schema
#
# The folder is $OTEL_SSE_TOOLS, else otel-sse/ in the user's cache folder. Needs Go; a second run does nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

builder=go.opentelemetry.io/collector/cmd/builder@v0.157.0
kustomize=sigs.k8s.io/kustomize/kustomize/v5@v5.7.1
compose=github.com/compose-spec/compose-go/v2@v2.16.2
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0

tools=${OTEL_SSE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/otel-sse}
mkdir -p "$tools"

if ! command -v go >/dev/null; then
  echo "command go must be installed, got none. Install Go 1.25 or later; on Debian 13 and later: apt-get install golang" >&2
  exit 2
fi

# made NAME WANTED: whether NAME was made from just this.
made() { [[ -x $tools/$1 && -f $tools/$1.from && $(<"$tools/$1.from") == "$2" ]]; }

collector() {
  local wanted work
  wanted="$builder $(sha256sum <collector/builder.yaml)"
  made otelcol-sse "$wanted" && return
  echo 'Building the Collector, once; this takes a few minutes ...' >&2
  work=$(mktemp -d)
  trap 'rm -rf "$work"' RETURN
  sed "s#output_path: .*#output_path: $work/build#" collector/builder.yaml >"$work/builder.yaml"
  GOBIN=$work nice -n 10 go install "$builder"
  nice -n 10 "$work/builder" --config "$work/builder.yaml" >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; return 1; }
  mv "$work/build/otelcol-sse" "$tools/otelcol-sse"
  printf '%s' "$wanted" >"$tools/otelcol-sse.from"
}

kustomize() {
  local wanted="$kustomize $operator"
  made kustomize "$wanted" && return
  echo 'Building kustomize, once ...' >&2
  GOBIN=$tools nice -n 10 go install "$kustomize"
  schema "$operator" example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml
  schema "$operator" example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml
  printf '%s' "$wanted" >"$tools/kustomize.from"
}

compose() {
  made compose-spec "$compose" && return
  echo 'Building the loader of compose files, once ...' >&2
  local work
  work=$(mktemp -d)
  trap 'rm -rf "$work"' RETURN
  # The path of the command goes before its version: MODULE/cmd@VERSION.
  GOBIN=$work nice -n 10 go install "${compose/@//cmd@}"
  mv "$work/cmd" "$tools/compose-spec"
  schema "$compose" schema/compose-spec.json
  printf '%s' "$compose" >"$tools/compose-spec.from"
}

# schema MODULE FILE: copy one file of a module into the folder. Modules are asked for outside this one.
schema() {
  local folder
  folder=$(cd "$tools" && go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
  install -m 644 "$folder/$2" "$tools/"
}

for tool in "${@:-collector}"; do
  case $tool in
    collector | kustomize | compose) "$tool" ;;
    *) echo "tool must be collector, kustomize or compose, got '$tool'. Name one of them." >&2; exit 2 ;;
  esac
done
