import { type Panel, ROWS } from './dashboard-panels.ts';

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
const SOURCE = { type: 'prometheus', uid: '${datasource}' };
const HEIGHT = 8;
const WIDTH = 12;

/** deploy/grafana/bellhop.json, generated: the dashboard as Grafana imports it. */
export function renderDashboard(): string {
  const panels: object[] = [];
  let y = 0;
  for (const [title, row] of Object.entries(ROWS)) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { h: 1, w: 24, x: 0, y },
    });
    y += 1;
    for (const [i, panel] of row.entries()) {
      const gridPos = { h: HEIGHT, w: WIDTH, x: (i % 2) * WIDTH, y: y + Math.floor(i / 2) * HEIGHT };
      panels.push({ id: panels.length + 1, ...toPanel(panel), gridPos });
    }
    y += Math.ceil(row.length / 2) * HEIGHT;
  }
  const dashboard = {
    uid: 'bellhop',
    title: 'Bellhop',
    description: 'Generated from scripts/dashboard-panels.ts.',
    tags: ['bellhop'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [{ name: 'datasource', label: 'Source', type: 'datasource', query: 'prometheus', current: {} }],
    },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function toPanel({ title, unit = 'short', lines, kind = 'timeseries', help }: Panel): object {
  return {
    type: kind,
    title,
    ...(help ? { description: help } : {}),
    datasource: SOURCE,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: Object.entries(lines).map(([legend, expr], i) => ({
      refId: String.fromCharCode(65 + i),
      datasource: SOURCE,
      expr,
      legendFormat: legend,
      ...(kind === 'timeseries' ? {} : { instant: true }),
      ...(kind === 'table' ? { format: 'table' } : {}),
    })),
  };
}
