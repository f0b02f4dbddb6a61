#!/bin/sh
# Checks the dashboard against Grafana's published types, with npm and a network: bash deploy/grafana/check-schema.sh
# The types are made a JSON schema; every panel, and the dashboard around them, must have no unknown
# property, none missing, and none of a wrong type. What is within a query is the data source's own.
set -eu
dashboard=$(cd "$(dirname "$0")" && pwd)/dashboards/capq.json
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent @grafana/schema@12 typescript@5 ts-json-schema-generator@2 ajv@8
cat > schema.ts <<'TYPES'
import type * as grafana from "@grafana/schema";
import type * as Timeseries from "./panels/timeseries/panelcfg/x/types.gen";
import type * as Stat from "./panels/stat/panelcfg/x/types.gen";
import type * as Heatmap from "./panels/heatmap/panelcfg/x/types.gen";
import type * as Table from "./panels/table/panelcfg/x/types.gen";

type Fields<Custom> = Omit<grafana.FieldConfigSource, "defaults"> & {
  defaults: Omit<grafana.FieldConfig, "custom"> & { custom?: Custom };
};
interface Panel<Type, Options, Custom> extends Omit<grafana.Panel, "type" | "options" | "fieldConfig" | "targets"> {
  type: Type;
  options: Options;
  fieldConfig: Fields<Custom>;
  targets: unknown[];
}
export interface Panels {
  row: grafana.RowPanel;
  timeseries: Panel<"timeseries", Timeseries.Options, Timeseries.FieldConfig>;
  stat: Panel<"stat", Stat.Options, unknown>;
  heatmap: Panel<"heatmap", Heatmap.Options, Heatmap.FieldConfig>;
  table: Panel<"table", Table.Options, Table.FieldConfig>;
  dashboard: Omit<grafana.Dashboard, "panels"> & { panels: unknown[] };
}
TYPES
ln -s node_modules/@grafana/schema/dist/types/raw/composable panels
npx ts-json-schema-generator --path schema.ts --type Panels --no-type-check --expose none --no-top-ref -o schema.json
cat > check.js <<'CHECK'
const Ajv = require("ajv");
const schema = require("./schema.json");
const dashboard = require(process.argv[2]);
dashboard.annotations.list.forEach((annotation) => delete annotation.target); // a query
const ajv = new Ajv({ strict: false, allErrors: true });
const validators = Object.fromEntries(
  Object.entries(schema.properties).map(([name, part]) => [name, ajv.compile({ ...part, definitions: schema.definitions })]),
);
const errors = [["dashboard", dashboard], ...dashboard.panels.map((panel) => [panel.type, panel])].flatMap(
  ([name, value]) => {
    const validate = validators[name];
    if (!validate) return [`${value.title}: a panel of the unknown type ${name}`];
    return validate(value) ? [] : validate.errors.map((e) => `${value.title}: ${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
  },
);
errors.forEach((error) => console.error(error));
if (!errors.length) console.log(`${dashboard.panels.length} panels and their dashboard are as Grafana's types say`);
process.exit(errors.length ? 1 : 0);
CHECK
node check.js "$dashboard"
