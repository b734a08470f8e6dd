'use strict';
// The page of deepgemm-tune --output FILE.html: the winners, and every candidate that was tried.

const OUTCOMES = [
  {key: 'measured', title: 'measured', colour: 'blue', style: 'circle'},
  {key: 'verified', title: 'checked, not timed', colour: 'grey', style: 'rect'},
  {key: 'predicted', title: 'predicted only', colour: 'grey', style: 'circle'},
  {key: 'compile-failed', title: 'did not compile or spilled', colour: 'orange', style: 'triangle'},
  {key: 'faulted', title: 'faulted', colour: 'red', style: 'star'},
  {key: 'hung', title: 'hung', colour: 'red', style: 'rect'},
  {key: 'worker-lost', title: 'lost its worker', colour: 'purple', style: 'star'},
  {key: 'launch-failed', title: 'did not launch', colour: 'purple', style: 'rect'},
  {key: 'wrong', title: 'wrong numbers', colour: 'red', style: 'crossRot'},
];
const outcomeOf = (key) => OUTCOMES.find((each) => each.key === key);

// Both are null of a shard without shapes.
const device = report.device ?? {};
const environment = report.environment ?? {};
const shapes = report.shapes.map((line, index) => ({...line, index, name: shapeName(line.shape)}));
const answered = shapes.filter((line) => line.winner);

// Candidates arrive as rows of values to keep the file small; here they become objects.
const candidates = shapes.flatMap((line) => line.candidates.map((row) => {
  const made = {shape: line};
  report.candidate_columns.forEach((column, index) => { made[column] = row[index]; });
  made.fields = report.config_fields.map((field, index) => `${field}=${made.config[index]}`).join(' ');
  made.short = shortConfig(Object.fromEntries(
    report.config_fields.map((field, index) => [field, made.config[index]])));
  made.words = `${line.name} ${line.name.replaceAll('×', 'x')} ${made.short} ${made.fields} ` +
               `${made.outcome} ${made.detail}`;
  return made;
}));
const isWinner = (each) => each.shape.winner && each.key === each.shape.winner.kernel_key;

function start() {
  header('deepgemm-tune', [device.name || device.id,
                           `${shapes.length} of ${counted(report.shapes_asked, 'shape')}`,
                           environment.driver && `driver ${environment.driver}`,
                           report.written_at]);
  const measured = answered.filter(({winner}) => winner.measured);
  const mean = (field) => ratio(geometricMean(measured.map(({winner}) =>
    known(winner[field]) ? winner[field] / winner.time_us : NaN)));
  cards([
    [mean('default_us'), 'over the untuned default, geometric mean'],
    [mean('cublaslt_block_us'), 'over cuBLASLt block-scaled'],
    [candidates.length.toLocaleString('en'), 'candidates tried'],
    [`${Math.round(report.seconds)} s`, 'for the whole run'],
  ]);
  const notes = [];
  if (report.interrupted) notes.push('interrupted: shapes are missing');
  const lost = shapes.filter(({status}) => status === 'no-winner');
  if (lost.length > 0) notes.push(`no verified winner: ${lost.map(({name}) => name).join(', ')}`);
  const skipped = shapes.filter(({status}) => status === 'skipped');
  if (skipped.length > 0) notes.push(`the budget ran out before ${counted(skipped.length, 'shape')}`);
  const stand = shapes.filter(({status}) => status === 'stands');
  if (stand.length > 0) {
    notes.push(`the budget left no time to compare the stored winner of ` +
               `${counted(stand.length, 'shape')} with anything`);
  }
  if (device.profile) {
    notes.push(`no GPU took part: times are predicted for ${device.id}`);
  }
  const wrong = candidates.filter(({outcome}) => outcome === 'wrong').length;
  if (wrong > 0) notes.push(`${counted(wrong, 'candidate')} computed wrong numbers and cannot win`);
  banner('Read this first', notes);
}

function speedUps() {
  const fields = [['default_us', 'the untuned default'], ['cublaslt_block_us', 'cuBLASLt block-scaled'],
                  ['cublaslt_tensorwide_us', 'cuBLASLt tensor-wide (one scale per tensor)']];
  let field = 'default_us';
  let sorting = 'given';
  const rows = () => {
    const list = answered.filter(({winner}) => known(winner[field])).map(({name, winner}) => {
      const value = winner[field] / winner.time_us;
      return {name, value, within: Math.abs(winner[field] - winner.time_us) <= winner.spread_us,
              tip: `${ratio(value)}: ${time(winner.time_us)} µs, theirs ${time(winner[field])} µs`};
    });
    return sorting === 'given' ? list : list.sort((a, b) => b.value - a.value);
  };
  const bars = speedUpChart('Speed-up of each winner; the table below has the numbers', rows);
  const against = select('against', fields, (value) => { field = value; bars.draw(); });
  const order = select('order', [['given', 'as tuned'], ['value', 'by speed-up']], (value) => {
    sorting = value;
    bars.draw();
  });
  section('What tuning brought',
          'Blue: the winner is faster. Orange: the other is. Grey: the difference is not larger ' +
          'than the spread of the winner’s samples.',
          element('div', {class: 'controls'}, against.label, order.label), bars.box);
}

function search_() {
  let shape = shapes[0];
  let text = '';
  const hidden = new Set();
  const chosen = () => candidates.filter((each) =>
    (shape === null || each.shape === shape) && !hidden.has(each.outcome) && matches(each.words, text));

  const cloud = chart('Predicted against measured time of every candidate', () => 480, (colours) => {
    const list = chosen();
    const range = (values, fallback) => {
      const times = values.filter(known);
      if (times.length === 0) return fallback;
      return [Math.min(...times) * 0.93, Math.max(...times) * 1.07];
    };
    const across = range(list.map((each) => each.predicted_us), [1, 10]);
    const up = range(list.map((each) => each.time_us), across);
    const [low, high] = [Math.max(across[0], up[0]), Math.min(across[1], up[1])];
    const edge = up[0] * 1.01;
    const sets = OUTCOMES.map(({key, title, colour, style}) => ({
      label: title, pointStyle: style, order: 2,
      // What has no time stands on the lower edge: it was predicted, and never measured.
      data: list.filter((each) => each.outcome === key)
        .map((each) => ({x: each.predicted_us, y: each.time_us ?? edge, each})),
      backgroundColor: faded(colours[colour], key === 'measured' ? 0.45 : 0.8),
      borderColor: colours[colour], pointRadius: shape === null ? 2.5 : 4, pointHoverRadius: 7,
    })).filter((set) => set.data.length > 0);
    const special = (label, style, radius, picked) => ({
      label, pointStyle: style, pointRadius: radius, pointHoverRadius: radius + 2, order: 1,
      data: list.filter(picked).map((each) => ({x: each.predicted_us, y: each.time_us ?? edge, each})),
      backgroundColor: colours.surface, borderColor: colours.ink, borderWidth: 2});
    return {
      type: 'scatter',
      data: {datasets: [...sets,
        special('winner', 'star', 9, isWinner),
        special('untuned default', 'rectRot', 7, (each) => each.contender === 'default'),
        {label: 'as predicted', type: 'line', data: low < high ? [{x: low, y: low}, {x: high, y: high}] : [],
         borderColor: colours.muted, borderWidth: 1.5, borderDash: [6, 4], pointRadius: 0,
         pointStyle: 'line', order: 3}]},
      options: {
        scales: {x: logAxis(colours, 'predicted, µs', ...across),
                 y: logAxis(colours, 'measured, µs', ...up)},
        plugins: {tooltip: {
          filter: (item) => item.raw.each,
          callbacks: {label: ({raw: {each}}) => [
            `${each.shape.name}  ${each.short}`,
            `${each.outcome}${each.detail ? `: ${each.detail}` : ''}`,
            `predicted ${time(each.predicted_us)} µs, measured ${time(each.time_us)} µs`]}}},
      },
    };
  });

  const number = (title, value, show) => ({title, value, show: (each) => show(value(each))});
  const list = sortableTable([
    {title: 'shape', kind: 'text', value: (each) => each.shape.index, show: (each) => each.shape.name},
    {title: 'config', kind: 'config', value: (each) => each.short,
     show: (each) => each.short + (isWinner(each) ? ' ★' : '')},
    {title: 'who', kind: 'text', value: (each) => each.contender, show: (each) => each.contender},
    {title: 'outcome', kind: 'text', value: (each) => each.outcome, show: (each) => each.outcome},
    {title: 'time µs', value: (each) => each.time_us,
     show: (each) => known(each.time_us) ? time(each.time_us) + spread(each.spread_us) : MISSING},
    number('predicted µs', (each) => each.predicted_us, time),
    number('samples', (each) => each.samples, (value) => value || MISSING),
    number('registers', (each) => each.registers, (value) => value || MISSING),
    number('spill B', (each) => each.spill_bytes, String),
    {title: 'detail', kind: 'wrap', value: (each) => each.detail, show: (each) => each.detail},
  ], {limit: 300});
  // By time, the fastest first; what has none last.
  const byTime = (a, b) => (a.time_us ?? Infinity) - (b.time_us ?? Infinity);
  const refresh = () => {
    cloud.draw();
    list.update(chosen().sort(byTime));
  };

  const which = select('shape', [...shapes.map(({name}, index) => [index, name]), ['all', 'all shapes']],
                       (value) => { shape = value === 'all' ? null : shapes[value]; refresh(); });
  const present = OUTCOMES.filter(({key}) => candidates.some(({outcome}) => outcome === key));
  const toggles = present.map(({key, title}) => element('label', {},
    element('input', {type: 'checkbox', checked: '', onchange: (event) => {
      if (event.target.checked) hidden.delete(key); else hidden.add(key);
      refresh();
    }}), `${title} (${candidates.filter(({outcome}) => outcome === key).length.toLocaleString('en')})`));
  section('What the search saw',
          'Every candidate: what the model predicted against what was measured. Above the dashed ' +
          'line the model was too hopeful. What was never measured stands on the lower edge.',
          element('div', {class: 'controls'}, which.label,
                  search('filter', 'block_m=64 split_k=4', (value) => { text = value; refresh(); })),
          element('div', {class: 'controls'}, ...toggles), cloud.box,
          element('h2', {style: 'margin-top: 22px'}, 'Candidates'),
          element('p', {class: 'caption'}, 'Those chosen above, the fastest first. Click a heading to sort.'),
          list.box);
  return (line) => {
    shape = line;
    which.box.value = String(line.index);
    refresh();
  };
}

function winners(onpick) {
  const number = (title, value, show) => ({title, value, show: (line) => show(value(line))});
  const gain = (field) => (line) =>
    line.winner && known(line.winner[field]) ? line.winner[field] / line.winner.time_us : NaN;
  const of = (field) => (line) => line.winner?.[field];
  const made = sortableTable([
    number('m', (line) => line.shape.m, String),
    number('n', (line) => line.shape.n, String),
    number('k', (line) => line.shape.k, String),
    ...groupsColumn(shapes),
    {title: 'config', kind: 'config', value: (line) => line.winner ? shortConfig(line.winner.config) : '',
     show: (line) => line.winner ? shortConfig(line.winner.config) : MISSING},
    {title: 'time µs', value: of('time_us'), show: ({winner}) => !winner ? MISSING
      : winner.measured ? time(winner.time_us) + spread(winner.spread_us) : `~${time(winner.time_us)}`},
    number('TFLOP/s', of('tflops'), rate),
    number('GB/s', of('gbps'), rate),
    number('of roofline', of('share_of_roofline'), percent),
    number('× default', gain('default_us'), ratio),
    number('× block', gain('cublaslt_block_us'), ratio),
    number('tried', (line) => line.candidates.length, String),
    {title: 'why', kind: 'wrap', value: (line) => line.winner?.reason ?? line.why,
     show: (line) => line.winner?.reason ?? line.why},
  ], {onpick});
  const filter = (text) => made.update(shapes.filter((line) => matches(
    `${line.name} ${line.name.replaceAll('×', 'x')} ${line.winner?.reason ?? line.why} ${line.status}`, text)));
  filter('');
  section('Winners', 'Click a heading to sort, a row to see its candidates above.',
          element('div', {class: 'controls'}, search('filter', '7168 kept', filter)), made.box);
}

// How many configs each rule removed before anything was compiled.
function rules() {
  const removed = new Map();
  let enumerated = 0;
  for (const {plan} of shapes) {
    enumerated += plan?.enumerated ?? 0;
    for (const [rule, count] of Object.entries(plan?.rejected ?? {})) {
      removed.set(rule, (removed.get(rule) ?? 0) + count);
    }
  }
  if (enumerated === 0) return;
  const made = sortableTable([
    {title: 'rule', kind: 'text', value: ({rule}) => rule, show: ({rule}) => rule},
    {title: 'removed', value: ({count}) => count, show: ({count}) => count.toLocaleString('en')},
    {title: 'share', value: ({count}) => count, show: ({count}) => `${(100 * count / enumerated).toFixed(2)} %`},
  ]);
  made.update([...removed].map(([rule, count]) => ({rule, count})).filter(({count}) => count > 0));
  section('What the rules removed',
          `Of ${enumerated.toLocaleString('en')} configs over all shapes, before anything was compiled; ` +
          'the first rule that applies counts.', made.box);
}

start();
if (answered.length > 0) speedUps();
const showCandidates = candidates.length > 0 ? search_() : () => {};
winners(showCandidates);
rules();
provenance([
  ['command', report.command_line], ['written', report.written_at], ['deepgemm', report.version],
  ['database', report.database], ['GPU', environment.device_name],
  ['driver', environment.driver], ['clocks', clockLimits(environment)],
  ['NVRTC', environment.nvrtc],
  ['cuBLASLt', environment.cublaslt], ['times', report.policy],
  ['kernel sources', environment.sources_hash]]);
if (candidates.length > 0) showCandidates(shapes[0]);
drawAll();
document.documentElement.dataset.ready = 'yes';
