'use strict';
// The page of deepgemm-bench --output FILE.html. Fields: deepgemm-bench --help-json.

const CONTENDERS = [
  {key: 'candidate', title: 'deepgemm', colour: 'blue', style: 'circle'},
  {key: 'cublaslt-block', title: 'cuBLASLt block-scaled', colour: 'orange', style: 'triangle'},
  {key: 'cublaslt-tensorwide', title: 'cuBLASLt tensor-wide', colour: 'green', style: 'rect'},
  {key: 'default', title: 'untuned default', colour: 'purple', style: 'rectRot'},
  {key: 'memory-floor', title: 'memory floor', colour: 'grey', style: 'crossRot'},
];
const OPPONENTS = [
  ['cublaslt_block', 'cuBLASLt block-scaled', 'cublaslt-block'],
  ['cublaslt_tensorwide', 'cuBLASLt tensor-wide (one scale per tensor)', 'cublaslt-tensorwide'],
  ['default', 'the untuned default', 'default'],
];

const shapes = report.shapes.map((line) => ({
  ...line,
  name: shapeName(line.shape),
  measured: Object.fromEntries(line.entries.filter((entry) => entry.measurement)
                                           .map((entry) => [entry.contender, entry.measurement])),
}));
const good = shapes.filter((line) => line.status === 'ok');

// The time that the device allows: measured in the run, else from the device's rates.
const limitUs = (line) => known(line.limit_us) ? line.limit_us : line.time_us * line.share_of_limit;

// FLOP per byte that must be moved.
const intensity = (line) => 1e3 * line.tflops / line.gbps;
const flops = ({shape, rows}) =>
    2 * (rows ? rows.of_groups.reduce((sum, each) => sum + each, 0) : shape.m) * shape.n * shape.k;
const tflopsAt = (line, us) => flops(line) / us * 1e-6;

const within = (line, contender) => line.inside_noise.includes(contender);

function start() {
  const {device, environment} = report;
  header('deepgemm-bench', [device.name, counted(shapes.length, 'shape'),
                            `${report.rounds} interleaved rounds`, `driver ${environment.driver}`,
                            report.written_at].filter(Boolean));
  const worst = good.filter((line) => known(line.over_cublaslt_block))
    .sort((a, b) => a.over_cublaslt_block - b.over_cublaslt_block)[0];
  cards([
    [ratio(geometricMean(good.map((line) => line.over_cublaslt_block))),
     'over cuBLASLt block-scaled, geometric mean'],
    [worst ? ratio(worst.over_cublaslt_block) : MISSING,
     worst ? `the worst row: ${worst.name}` : 'the worst row'],
    [ratio(geometricMean(good.map((line) => line.over_cublaslt_tensorwide))),
     'over cuBLASLt tensor-wide, which computes less'],
    [ratio(geometricMean(good.map((line) => line.over_default))), 'over the untuned default'],
  ]);
  const notes = (report.warnings ?? []).map((warning) =>
    `${warning.kind}: ${warning.meaning}${warning.shapes?.length ? ` (${warning.shapes.join(', ').replaceAll('x', '×')})` : ''}`);
  if (report.interrupted) notes.unshift('interrupted: shapes are missing');
  banner('Read this first', notes);
}

function classes() {
  const number = (title, value, show) => ({title, value, show: (line) => show(value(line))});
  const worst = ({worst: shape}) =>
    good.find((line) => shape && line.name === shapeName(shape))?.over_cublaslt_block;
  const made = sortableTable([
    {title: 'class', kind: 'text', value: (line) => report.classes.indexOf(line), show: (line) => line.class},
    number('shapes', (line) => line.shapes, String),
    number('× block', (line) => line.over_cublaslt_block, ratio),
    number('× tensor-wide', (line) => line.over_cublaslt_tensorwide, ratio),
    number('× default', (line) => line.over_default, ratio),
    number('at the limit', (line) => line.at_limit, (value) => value ?? MISSING),
    {title: 'worst row against block', kind: 'text', value: worst,
     show: (line) => line.worst ? `${ratio(worst(line))}  ${shapeName(line.worst)}` : MISSING}]);
  made.update(report.classes);
  section('By class of m',
          'Geometric means of their time over ours. A row whose limit is 90 % of its time or more is at the limit.',
          made.box);
}

function speedUps() {
  let opponent = OPPONENTS[0];
  let sorting = 'given';
  const rows = () => {
    const list = good.filter((line) => known(line[`over_${opponent[0]}`])).map((line) => {
      const value = line[`over_${opponent[0]}`];
      const noise = within(line, opponent[2]);
      const theirs = line.measured[opponent[2]].median_us;
      return {name: line.name, value, within: noise,
              tip: `${ratio(value)}: ${time(line.time_us)} µs, theirs ${time(theirs)} µs` +
                   (noise ? ', inside the noise' : '')};
    });
    return sorting === 'given' ? list : list.sort((a, b) => b.value - a.value);
  };
  const bars = speedUpChart('Speed-up of each shape; the table below has the numbers', rows);
  const against = select('against', OPPONENTS.map(([key, title]) => [key, title]), (key) => {
    opponent = OPPONENTS.find((each) => each[0] === key);
    bars.draw();
  });
  const order = select('order', [['given', 'as measured'], ['value', 'by speed-up']], (value) => {
    sorting = value;
    bars.draw();
  });
  section('Speed-up per shape',
          'Blue: ours is faster. Orange: theirs is. Grey: the confidence intervals of the two ' +
          'medians touch, or they differ by less than 1 %: inside the noise.',
          element('div', {class: 'controls'}, against.label, order.label), bars.box);
}

function roofline() {
  const measuredRate = known(report.tensor_tflops);
  const tensor = measuredRate ? report.tensor_tflops : report.device.tensor_tflops;
  const floor = good.some((line) => known(line.limit_us));
  const moved = good.filter((line) => line.measured['memory-floor'] && known(line.gbps))
    .map((line) => line.gbps * line.time_us / line.measured['memory-floor'].median_us);
  const memory = moved.length > 0 ? Math.max(...moved) : report.device.memory_gbps;
  const points = good.filter((line) => known(line.tflops) && known(line.gbps));
  const intensities = points.map(intensity);
  const [low, high] = [Math.min(...intensities) * 0.6, Math.max(...intensities) * 1.6];
  const slowest = Math.min(...points.flatMap((line) =>
    CONTENDERS.filter(({key}) => line.measured[key] && key !== 'memory-floor')
              .map(({key}) => tflopsAt(line, line.measured[key].median_us))));
  const ridge = 1e3 * tensor / memory;
  const along = (x) => ({x, y: Math.min(tensor, x * memory / 1e3)});
  const ceiling = [along(low), ...(ridge > low && ridge < high ? [along(ridge)] : []), along(high)];

  const roof = chart('Roofline: rate over arithmetic intensity', () => 460, (colours) => {
    const contenders = CONTENDERS.filter(({key}) =>
      key !== 'memory-floor' && points.some((line) => line.measured[key]));
    const clouds = contenders.map(({key, title, colour, style}, index) => ({
      label: title, pointStyle: style, hidden: index > 1,
      data: points.filter((line) => line.measured[key]).map((line) => ({
        x: intensity(line), y: tflopsAt(line, line.measured[key].median_us), line})),
      backgroundColor: faded(colours[colour], 0.75), borderColor: colours[colour],
      pointRadius: 4.5, pointHoverRadius: 7, order: 1,
    }));
    const limits = {
      label: floor ? 'limit measured for the shape' : 'limit of the shape', pointStyle: 'line',
      data: points.map((line) => ({x: intensity(line), y: tflopsAt(line, limitUs(line)), line})),
      borderColor: colours.ink, borderWidth: 1.5, pointRadius: 6, order: 2, hidden: !floor,
    };
    return {
      type: 'scatter',
      data: {datasets: [...clouds, limits, {
        label: `ceilings: ${Math.round(memory).toLocaleString('en')} GB/s ` +
               (moved.length > 0 ? '(measured), ' : '(profile), ') + `${Math.round(tensor).toLocaleString('en')} TFLOP/s ` +
               (measuredRate ? '(measured)' : '(profile)'),
        data: ceiling, type: 'line', borderColor: colours.muted, borderWidth: 2, pointRadius: 0,
        pointStyle: 'line', order: 3}]},
      options: {
        scales: {x: logAxis(colours, 'FLOP per byte moved', low, high),
                 y: logAxis(colours, 'TFLOP/s', slowest * 0.7, tensor * 1.5)},
        plugins: {tooltip: {
          filter: (item) => item.raw.line,
          callbacks: {label: ({raw, dataset}) =>
            `${raw.line.name}, ${dataset.label}: ${rate(raw.y)} TFLOP/s, ` +
            `${percent(limitUs(raw.line) * raw.y / flops(raw.line) * 1e6)} of its limit`}}},
      },
    };
  });
  section('Roofline',
          'Each point is a shape: left of the ridge memory is the limit, right of it the tensor ' +
          'cores. ' + (floor
            ? 'The dashes are limits measured in this run: the shape’s bytes moved by a kernel ' +
              'that does nothing else, or its flops at the best library’s rate. The memory ceiling is the ' +
              'best rate of that kernel. '
            : 'The ceilings are the sustained rates of the device profile. ') +
          'Click a name to show or hide it.', roof.box);
}

// Quartiles as boxes behind the samples, and the medians as lines.
const boxes = {
  id: 'boxes',
  beforeDatasetsDraw(drawn) {
    const {ctx, scales: {x, y}} = drawn;
    ctx.save();
    drawn.data.datasets.forEach((set, index) => {
      if (!drawn.isDatasetVisible(index)) return;
      const sorted = set.data.map((point) => point.x).sort((a, b) => a - b);
      const [left, middle, right] = [0.25, 0.5, 0.75].map((q) => x.getPixelForValue(quantile(sorted, q)));
      const [top, bottom] = [y.getPixelForValue(set.row - 0.36), y.getPixelForValue(set.row + 0.36)];
      ctx.fillStyle = faded(set.borderColor, 0.16);
      ctx.fillRect(left, top, Math.max(right - left, 1), bottom - top);
      ctx.fillStyle = set.borderColor;
      ctx.fillRect(middle - 1.25, top, 2.5, bottom - top);
    });
    ctx.restore();
  },
};

function distributions() {
  let line = shapes[0];
  const present = () => CONTENDERS.filter(({key}) => line.measured[key]);
  const cloud = chart('Samples of each contender', () => 60 + 56 * present().length, (colours) => {
    const list = present();
    return {
      type: 'scatter',
      data: {datasets: list.map(({key, title, colour, style}, row) => ({
        label: title, row, pointStyle: style,
        // A fixed pattern of heights keeps equal times apart.
        data: line.measured[key].samples_us.map((x, i) => ({x, y: row + 0.26 * Math.sin(2.4 * i)})),
        backgroundColor: faded(colours[colour], 0.55), borderColor: colours[colour], pointRadius: 3.5,
      }))},
      plugins: [boxes],
      options: {
        scales: {
          x: axis(colours, 'time, µs'),
          y: {min: -0.5, max: list.length - 0.5, reverse: true, grid: {display: false, drawBorder: false},
              afterBuildTicks: (scale) => { scale.ticks = list.map((_, value) => ({value})); },
              ticks: {color: colours.ink, callback: (value) => list[value]?.title ?? ''}},
        },
        plugins: {legend: {display: false},
                  tooltip: {callbacks: {label: (item) => `${item.dataset.label}: ${time(item.raw.x)} µs`}}},
      },
    };
  });
  const order = chart('Samples in the order they were taken', () => 60 + 56 * present().length, (colours) => ({
    type: 'line',
    data: {labels: [...Array(Math.max(0, ...present().map(({key}) => line.measured[key].samples_us.length))).keys()]
             .map((i) => i + 1),
           datasets: present().map(({key, title, colour, style}) => ({
             label: title, data: line.measured[key].samples_us, borderColor: colours[colour],
             backgroundColor: colours[colour], borderWidth: 1.5, pointRadius: 2, pointStyle: style}))},
    options: {interaction: {mode: 'index', intersect: false},
              scales: {x: axis(colours, 'round', {grid: {display: false, drawBorder: false}}),
                       y: axis(colours, 'time, µs')},
              plugins: {legend: {display: false},
                        tooltip: {callbacks: {label: (item) => `${item.dataset.label}: ${time(item.raw)} µs`}}}},
  }));
  const show = (chosen) => {
    line = chosen;
    which.box.value = String(shapes.indexOf(chosen));
    cloud.draw();
    order.draw();
  };
  const which = select('shape', shapes.map(({name}, index) => [index, name]),
                       (index) => show(shapes[index]));
  section('Distribution of times',
          'Every sample of one shape. Left: the box spans the middle half, the line is the median. ' +
          'Right: in the order taken; contenders take turns, so a change of clocks meets all of them.',
          element('div', {class: 'controls'}, which.label),
          element('div', {class: 'pair'}, cloud.box, order.box));
  return show;
}

function table(onpick) {
  const over = (key) => (line) => line[`over_${key}`];
  const gain = (title, key, contender) => ({
    title, value: over(key),
    show: (line) => ratio(over(key)(line)) + (within(line, contender) ? ' ≈' : '')});
  const number = (title, value, show) => ({title, value, show: (line) => show(value(line))});
  const columns = [
    number('m', (line) => line.shape.m, String),
    number('n', (line) => line.shape.n, String),
    number('k', (line) => line.shape.k, String),
    ...groupsColumn(shapes),
    {title: 'time µs', value: (line) => line.time_us,
     show: (line) => time(line.time_us) + spread(line.measured.candidate?.spread_us)},
    number('TFLOP/s', (line) => line.tflops, rate),
    number('GB/s', (line) => line.gbps, rate),
    number('of limit', (line) => line.share_of_limit, percent),
    gain('× block', 'cublaslt_block', 'cublaslt-block'),
    gain('× tensor-wide', 'cublaslt_tensorwide', 'cublaslt-tensorwide'),
    gain('× default', 'default', 'default'),
    {title: 'config', kind: 'config', value: (line) => shortConfig(line.config),
     show: (line) => shortConfig(line.config)},
    {title: 'match', kind: 'text', value: (line) => line.match, show: (line) => line.match},
    {title: 'checked', kind: 'text', value: (line) => line.status, show: (line) => line.status},
    {title: 'warnings', kind: 'text', value: (line) => line.warnings.join(', '),
     show: (line) => line.warnings.join(', ')},
  ];
  const made = sortableTable(columns, {onpick});
  const filter = (text) => made.update(shapes.filter((line) =>
    matches(`${line.name} ${line.name.replaceAll('×', 'x')} ${shortConfig(line.config)} ${line.match} ${line.status} ${line.warnings.join(' ')}`, text)));
  filter('');
  section('All shapes',
          'Click a heading to sort, a row to see its samples. ≈ marks a difference inside the noise.',
          element('div', {class: 'controls'}, search('filter', '7168 exact', filter)), made.box);
}

start();
if (good.length > 0) {
  classes();
  speedUps();
  roofline();
}
const show = shapes.length > 0 ? distributions() : () => {};
table(show);
provenance([
  ['command', report.command_line], ['written', report.written_at ?? 'not known'], ['deepgemm', report.version],
  ['database', report.database ?? 'none'], ['GPU', report.environment.device_name],
  ['driver', report.environment.driver], ['clocks', clockLimits(report.environment)],
  ['cuBLASLt', report.environment.cublaslt],
  ['times', report.policy], ['kernel sources', report.environment.sources_hash]]);
drawAll();
document.documentElement.dataset.ready = 'yes';
