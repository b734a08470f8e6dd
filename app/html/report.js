'use strict';
// What the reports of deepgemm-bench and deepgemm-tune share: reading the data, colours, tables
// and the parts of charts that Chart.js does not have.

const report = JSON.parse(document.getElementById('report').textContent);
const dark = matchMedia('(prefers-color-scheme: dark)');
let printing = false;

// Blue, orange, green and purple that differ for every kind of colour vision, and by shape as well.
const PALETTES = {
  light: {ink: '#1a1f26', muted: '#59636e', line: '#dfe3e8', surface: '#ffffff',
          blue: '#0b62b8', orange: '#c2500a', green: '#00755a', purple: '#8a4bb0',
          red: '#b3143c', grey: '#7a838d'},
  dark: {ink: '#e7eaee', muted: '#9ba6b3', line: '#2c333c', surface: '#171b21',
         blue: '#6cb2ff', orange: '#ff9a4d', green: '#45d0a4', purple: '#cd9cf0',
         red: '#ff7b95', grey: '#8b96a3'},
};
const palette = () => PALETTES[dark.matches && !printing ? 'dark' : 'light'];
const faded = (colour, alpha) => colour + Math.round(alpha * 255).toString(16).padStart(2, '0');

// --- Text -----------------------------------------------------------------------------------------

const MISSING = '–';
const known = (value) => typeof value === 'number' && isFinite(value) && value > 0;
const fixed = (value, digits) => known(value) ? value.toFixed(digits) : MISSING;
const time = (us) => fixed(us, us < 100 ? 2 : 1);
const spread = (us) => typeof us === 'number' ? ` ± ${us.toFixed(2)}` : '';
const ratio = (value) => known(value) ? value.toFixed(2) + '×' : MISSING;
const percent = (value) => known(value) ? Math.round(100 * value) + ' %' : MISSING;
const rate = (value) => fixed(value, value < 10 ? 1 : 0);
const groupsOf = (shape) => {
  if (!shape.op || shape.op === 'dense') return '';
  const kind = shape.op.replace('grouped-', '');
  return shape.op === 'grouped-masked' ? `${kind} ${shape.groups}`
                                       : `${kind} ${shape.groups} / ${shape.alignment}`;
};
// A column of tables, where some line has groups.
const groupsColumn = (lines) => lines.some((line) => groupsOf(line.shape))
    ? [{title: 'groups', kind: 'text', value: (line) => groupsOf(line.shape),
        show: (line) => groupsOf(line.shape)}]
    : [];
const shapeName = (shape) =>
    `${groupsOf(shape)} ${shape.m}×${shape.n}×${shape.k}`.trim();
const counted = (count, noun) => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
const geometricMean = (values) => {
  const logs = values.filter(known).map(Math.log);
  return logs.length === 0 ? NaN : Math.exp(logs.reduce((a, b) => a + b) / logs.length);
};
const quantile = (sorted, q) => {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
};
const shortConfig = (config) =>
  `${config.block_m}x${config.block_n} s${config.stages} c${config.cluster_m}x${config.cluster_n} ` +
  `w${config.math_warpgroups} a${config.accumulator_sets} r${config.raster_group} k${config.split_k}` +
  (config.l2_policy === 2 ? ' ef' : '');

// --- Elements -------------------------------------------------------------------------------------

// Text is always set as text: a report shows what files and drivers say.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const page = document.querySelector('main');

function section(title, caption, ...children) {
  const made = element('section', {}, element('h2', {}, title),
                       element('p', {class: 'caption'}, caption), ...children);
  page.append(made);
  return made;
}

function cards(list) {
  page.append(element('div', {class: 'cards'}, ...list.map(([value, what]) =>
    element('div', {class: 'card'}, element('b', {}, value), element('span', {}, what)))));
}

function banner(title, lines) {
  if (lines.length === 0) return;
  page.append(element('div', {class: 'banner', role: 'note'}, element('strong', {}, title),
                      element('ul', {}, ...lines.map((line) => element('li', {}, line)))));
}

function select(label, options, onchange) {
  const box = element('select', {onchange: () => onchange(box.value)},
                      ...options.map(([value, text]) => element('option', {value}, text)));
  return {label: element('label', {}, label, box), box};
}

function search(label, placeholder, oninput) {
  const box = element('input', {type: 'search', placeholder, oninput: () => oninput(box.value)});
  return element('label', {}, label, box);
}

// Every word of `text` occurs in `haystack`.
const matches = (haystack, text) =>
  text.toLowerCase().split(/\s+/).every((word) => haystack.toLowerCase().includes(word));

function header(title, facts) {
  document.title = title;
  page.append(element('h1', {}, title), element('p', {class: 'lead'}, facts.filter(Boolean).join(' · ')));
}

// What bounds the clocks, as far as it is known.
function clockLimits(environment) {
  const facts = [
    ['SM at most', environment.sm_clock_max_mhz, 'MHz'], ['memory', environment.memory_clock_mhz, 'MHz'],
    ['application clock', environment.application_clock_mhz, 'MHz'], ['power limit', environment.power_limit_w, 'W']];
  return facts.filter(([, value]) => value > 0).map(fact => fact.join(' ')).join(', ');
}

function provenance(facts) {
  const list = element('dl');
  for (const [name, value] of facts) {
    if (value === null || value === undefined || value === '') continue;
    list.append(element('dt', {}, name), element('dd', {}, String(value)));
  }
  section('How this was made', 'Everything needed to repeat it.', list);
}

// --- Tables ---------------------------------------------------------------------------------------

// Columns: {title, value(row): what is sorted by, show(row): text, kind: 'text' | 'wrap' | 'config'
// | undefined for numbers}. Returns {box, update(rows)}.
function sortableTable(columns, {onpick, limit = Infinity} = {}) {
  let rows = [];
  let order = {column: -1, descending: false};
  const body = element('tbody');
  const more = element('p', {class: 'caption'});
  const heads = columns.map((column, index) =>
    element('th', {scope: 'col', class: column.kind ? 'text' : undefined},
            element('button', {onclick: () => sortBy(index)}, column.title)));
  const box = element('div', {}, element('div', {class: 'scroll tall'},
    element('table', {}, element('thead', {}, element('tr', {}, ...heads)), body)), more);

  function sortBy(index) {
    const descending = order.column === index ? !order.descending : !columns[index].kind;
    order = {column: index, descending};
    draw();
  }
  function sorted() {
    if (order.column < 0) return rows;
    const {value} = columns[order.column];
    const sign = order.descending ? -1 : 1;
    const missing = (each) => each === null || each === undefined || each === '' || Number.isNaN(each);
    return [...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (missing(x) || missing(y)) return missing(x) - missing(y);  // last either way
      return sign * (x < y ? -1 : x > y ? 1 : 0);
    });
  }
  function cell(column, row) {
    const kind = {text: 'text', wrap: 'text wrap', config: 'text config'}[column.kind];
    return element('td', {class: kind}, column.show(row));
  }
  function line(row) {
    const made = element('tr', onpick ? {class: 'pick', tabindex: 0} : {},
                         ...columns.map((column) => cell(column, row)));
    if (onpick) {
      const pick = () => {
        for (const other of body.children) other.classList.toggle('picked', other === made);
        onpick(row);
      };
      made.addEventListener('click', pick);
      made.addEventListener('keydown', (event) => event.key === 'Enter' && pick());
    }
    return made;
  }
  function draw() {
    heads.forEach((head, index) => {
      if (index !== order.column) head.removeAttribute('aria-sort');
      else head.setAttribute('aria-sort', order.descending ? 'descending' : 'ascending');
    });
    body.replaceChildren(...sorted().slice(0, limit).map(line));
    more.textContent = rows.length > limit
      ? `${limit} of ${rows.length.toLocaleString('en')} rows; filter or sort to see others.` : '';
    more.hidden = rows.length <= limit;
  }
  return {box, update(list) { rows = list; draw(); }};
}

// --- Charts ---------------------------------------------------------------------------------------

Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
Chart.defaults.plugins.legend.labels.usePointStyle = true;
Chart.defaults.plugins.legend.labels.boxHeight = 8;
Chart.defaults.plugins.legend.align = 'start';
Chart.defaults.plugins.tooltip.displayColors = false;

const charts = [];

// A chart that is made anew when colours change. `configure` gives Chart.js's configuration,
// `height` its pixels; `label` says in words what is drawn.
function chart(label, height, configure) {
  const canvas = element('canvas', {role: 'img', 'aria-label': label});
  const box = element('div', {class: 'chart'}, canvas);
  const holder = {box, drawn: null, draw() {
    holder.drawn?.destroy();
    const colours = palette();
    box.style.height = `${height()}px`;
    Chart.defaults.color = colours.muted;
    Chart.defaults.borderColor = colours.line;
    Chart.defaults.devicePixelRatio = printing ? 3 : Math.max(devicePixelRatio, 1);
    holder.drawn = new Chart(canvas, configure(colours));
  }};
  charts.push(holder);
  return holder;
}

const drawAll = () => charts.forEach((each) => each.draw());
dark.addEventListener('change', drawAll);
const print = (on) => {
  printing = on;
  document.body.classList.toggle('printing', on);
  drawAll();
};
addEventListener('beforeprint', () => print(true));
addEventListener('afterprint', () => print(false));

const axis = (colours, text, more = {}) => ({
  title: {display: true, text, color: colours.muted},
  grid: {color: colours.line, drawBorder: false}, ...more,
});

// About `count` round numbers from low to high.
function linearTicks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((each) => each >= raw);
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; ++i) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}
// 1, 2 and 5 times powers of ten; over less than a decade, evenly spaced round numbers.
function logTicks(low, high) {
  if (high / low < 8) return linearTicks(low, high, 8);
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); ++power) {
    for (const digit of [1, 2, 5]) {
      const value = Number((digit * 10 ** power).toPrecision(3));
      if (value >= low && value <= high) ticks.push(value);
    }
  }
  return ticks;
}
const withTicks = (values) => ({
  afterBuildTicks: (scale) => { scale.ticks = values.map((value) => ({value})); },
  ticks: {autoSkip: false, maxRotation: 0, callback: (value) => value.toLocaleString('en')},
});
const logAxis = (colours, text, min, max) =>
  axis(colours, text, {type: 'logarithmic', min, max, ...withTicks(logTicks(min, max))});

// Writes each bar's value beside its end.
const barValues = {
  id: 'barValues',
  afterDatasetsDraw(drawn) {
    const {ctx} = drawn;
    ctx.save();
    ctx.font = `11px ${Chart.defaults.font.family}`;
    ctx.fillStyle = palette().ink;
    ctx.textBaseline = 'middle';
    const {x, chartArea} = {x: drawn.scales.x.getPixelForValue(1), ...drawn};
    ctx.fillRect(x - 0.5, chartArea.top, 1, chartArea.height);
    drawn.getDatasetMeta(0).data.forEach((bar, index) => {
      const value = drawn.data.datasets[0].data[index];
      if (!known(value)) return;
      ctx.textAlign = value < 1 ? 'right' : 'left';
      ctx.fillText(ratio(value), bar.x + (value < 1 ? -5 : 5), bar.y);
    });
    ctx.restore();
  },
};

// Speed-up bars: rows of {name, value, within: whether the difference is inside the noise}.
function speedUpChart(label, rowsOf) {
  const made = chart(label, () => 70 + (printing ? 16.5 : 20) * Math.max(rowsOf().length, 1), (colours) => {
    const rows = rowsOf();
    const values = rows.map((row) => row.value).filter(known);
    const low = Math.min(1, ...values);
    const high = Math.max(1, ...values);
    const margin = 0.1 * Math.max(high - low, 0.1);
    const [min, max] = [Math.max(0, low - margin), high + margin];
    const marks = withTicks(linearTicks(min, max, 9));
    marks.ticks.callback = (value) => `${value}×`;
    const paint = (row) =>
      row.within ? colours.grey : row.value >= 1 ? colours.blue : colours.orange;
    return {
      type: 'bar',
      data: {labels: rows.map((row) => row.name),
             datasets: [{data: rows.map((row) => row.value), base: 1, barPercentage: 0.8,
                         categoryPercentage: 0.9, backgroundColor: rows.map(paint),
                         borderRadius: 2}]},
      plugins: [barValues],
      options: {
        indexAxis: 'y',
        scales: {
          x: axis(colours, 'their time over ours (right of 1: ours is faster)',
                  {min, max, ...marks}),
          y: {grid: {display: false, drawBorder: false},
              ticks: {autoSkip: false, color: colours.ink, font: {size: 11}}},
        },
        plugins: {legend: {display: false},
                  tooltip: {callbacks: {label: (item) => rows[item.dataIndex].tip}}},
      },
    };
  });
  return made;
}
