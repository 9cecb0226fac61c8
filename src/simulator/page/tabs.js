import { el } from './dom.js';

let tabsMade = 0;

/** Tabs as the ARIA practices ask for; a panel is built when it is first looked at. */
export function buildTabs(label, tabs) {
  const name = `tabs-${++tabsMade}`;
  const panels = tabs.map((_, i) =>
    el('div.panel', {
      role: 'tabpanel',
      id: `${name}-panel-${i}`,
      'aria-labelledby': `${name}-tab-${i}`,
      hidden: i > 0,
    }),
  );
  const buttons = tabs.map((tab, i) =>
    el(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `${name}-tab-${i}`,
        'aria-controls': `${name}-panel-${i}`,
        onclick: () => choose(i),
        onkeydown: (event) => step(event, i),
      },
      tab.label,
    ),
  );

  function choose(chosen) {
    buttons.forEach((button, i) => {
      button.setAttribute('aria-selected', String(i === chosen));
      button.tabIndex = i === chosen ? 0 : -1;
      panels[i].hidden = i !== chosen;
    });
    if (!panels[chosen].hasChildNodes()) panels[chosen].append(tabs[chosen].build());
  }

  function step(event, from) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = (from + by + tabs.length) % tabs.length;
    choose(next);
    buttons[next].focus();
  }

  choose(0);
  return { bar: el('div.tabs', { role: 'tablist', 'aria-label': label }, buttons), panels };
}
