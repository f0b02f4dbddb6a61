#!/bin/sh
# Checks the manifests against published schemas, with pip, npm and a network: bash deploy/kubernetes/check-schema.sh
# Kubernetes' own by PyPI's kubernetes-validate, KEDA's and the Prometheus operator's by npm's @kubernetes-models.
set -eu
manifests=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet kubernetes-validate pyyaml
npm init --yes >/dev/null
npm install --silent @kubernetes-models/keda@2 @kubernetes-models/prometheus-operator@6
cat > check.py <<'CHECK'
import json
import pathlib
import sys

import kubernetes_validate
import yaml

custom, count = [], 0
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.yaml")):
    for document in yaml.safe_load_all(path.read_text()):
        # Patches are whole with what they change alone.
        if "overlays" in path.parts or path.name.endswith("-scaling.yaml"):
            continue
        if document["apiVersion"].startswith(("keda.sh/", "monitoring.coreos.com/")):
            custom.append(document)
        elif document["kind"] not in ("Kustomization", "Component"):
            kubernetes_validate.validate(document, "1.34", strict=True)
            count += 1
pathlib.Path("custom.json").write_text(json.dumps(custom))
print(f"{count} manifests are as Kubernetes' schemas say")
CHECK
venv/bin/python check.py "$manifests"
cat > check.mjs <<'CHECK'
import { readFileSync } from "fs";
import * as keda from "@kubernetes-models/keda/keda.sh/v1alpha1";
import * as monitoring from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
const documents = JSON.parse(readFileSync("custom.json"));
documents.forEach((document) => new { ...keda, ...monitoring }[document.kind](document).validate());
console.log(`${documents.length} manifests are as those of KEDA and the Prometheus operator say`);
CHECK
node check.mjs
