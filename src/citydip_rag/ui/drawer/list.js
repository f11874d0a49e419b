// The files, as the server lists them, and the filter above them.
const FILTER_FROM = 16;
const FIRST = ["failed", "skipped"]; // someone has to do something about these
const rows = new Map();
const library = { documents: [], changeable: false, known: false };
const newest = new Set(); // sources of what was sent last

const holds = (source, { source: listed }) => listed === source || listed.startsWith(`${source}/`);

// What was sent last is looked for first, then what needs somebody to act.
const rank = (info) => {
  const place = FIRST.indexOf(info.status);
  const fresh = [...newest].some((name) => holds(name, info));
  return (fresh ? 0 : FIRST.length + 1) + (place < 0 ? FIRST.length : place);
};
// An archive has no text of its own; its passages are those of the documents in it.
const isContainer = ({ status, title }) => status === "indexed" && !title;

const load = async () => {
  const listed = await call("GET", "documents");
  library.documents = [...listed.documents].sort((one, other) => rank(one) - rank(other));
  library.changeable = listed.changeable;
  library.known = true;
  find(".adding").hidden = !listed.changeable;
  showLocked(listed.locked);
  showKey(listed);
  showFiles();
  return listed.job;
};

const showLocked = (because) => {
  const note = find(".locked");
  const reason = `locked_${because}`;
  note.hidden = library.changeable;
  note.replaceChildren(
    make("p", { class: "locked-lead" }, ...said("locked")),
    make("p", {}, ...said(reason in labels[languages[0]] ? reason : "locked_off")),
  );
};

const describe = (info) => {
  const facts = [make("li", { class: "status" }, ...said(`status_${info.status}`))];
  if (info.pages) facts.push(make("li", {}, ...counted("pages", info.pages)));
  if (info.passages) facts.push(make("li", {}, ...counted("passages", info.passages)));
  if (info.language) {
    facts.push(make("li", {}, ...inEach(languageName(info.language))));
  }
  return make("ul", { class: "where" }, ...facts);
};

const rowOf = (info) => {
  const called = info.title || info.source;
  const attributes = { class: "title", lang: info.language ?? "", title: called };
  const title = make("p", attributes, called);
  const row = make("li", { class: "file", tabindex: "-1", "data-status": info.status });
  const about = make("div", { class: "about" }, title);
  if (info.title) about.append(make("p", { class: "source", title: info.source }, info.source));
  about.append(describe(info));
  row.append(about);
  if (library.changeable && info.removable) row.append(offerRemoval(row, info));
  if (info.reason) row.append(make("p", { class: "reason" }, ...explained(info.reason)));
  return row;
};

// A row that still says the same stays, with the focus or the question that is in it.
const showFiles = () => {
  const list = find(".files");
  const present = new Set(library.documents.map(({ source }) => source));
  for (const source of [...rows.keys()]) if (!present.has(source)) dropRow(source);
  for (const info of library.documents) updateRow(info);
  let place = list.firstChild;
  for (const { source } of library.documents) {
    const { row } = rows.get(source);
    if (row === place) place = place.nextSibling;
    else list.insertBefore(row, place);
  }
  filterFiles();
};

const updateRow = (info) => {
  const key = JSON.stringify([info, library.changeable]);
  const known = rows.get(info.source);
  if (known?.key === key) return;
  const row = rowOf(info);
  rows.set(info.source, { key, row });
  const focused = known?.row.contains(document.activeElement);
  known?.row.replaceWith(row);
  if (focused) row.focus({ preventScroll: true });
};

// Whoever was in the row goes on at the next one.
const dropRow = (source) => {
  const { row } = rows.get(source);
  if (row.contains(document.activeElement)) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    (next?.querySelector(".remove") ?? find("#drawer-title")).focus();
  }
  row.remove();
  rows.delete(source);
};

const filterFiles = () => {
  const box = find("#drawer-filter");
  const many = library.documents.length >= FILTER_FROM;
  find(".find").hidden = !many;
  if (!many) box.value = "";
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  let matching = 0;
  for (const info of library.documents) {
    const text = `${info.title} ${info.source}`.toLowerCase();
    const matches = words.every((word) => text.includes(word));
    rows.get(info.source).row.hidden = !matches;
    matching += matches && !isContainer(info);
  }
  const total = library.documents.filter((info) => !isContainer(info)).length;
  if (words.length) find(".found").replaceChildren(...counted("found", total, { matching }));
  else find(".found").replaceChildren();
  showSummary(matching);
};

const showSummary = (matching) => {
  const { documents } = library;
  const summary = find(".summary");
  summary.classList.toggle("summary-words", !matching);
  if (!documents.length) say(summary, library.changeable ? "none_yet" : "none");
  else if (!matching) say(summary, "none_found");
  else {
    // Every row is a document but an archive's, and a file but those of what is inside another.
    const texts = documents.filter((info) => !isContainer(info));
    const files = documents.filter(({ removable }) => removable).length;
    const passages = texts.reduce((sum, info) => sum + info.passages, 0);
    const facts = [counted("documents", texts.length)];
    if (files !== texts.length) facts.push(counted("files", files));
    facts.push(counted("passages", passages));
    for (const status of FIRST) {
      const count = documents.filter((info) => info.status === status).length;
      if (count) facts.push(counted(status, count));
    }
    summary.replaceChildren(
      ...facts.flatMap((fact, number) => (number ? [" · ", ...fact] : fact)),
    );
  }
};
