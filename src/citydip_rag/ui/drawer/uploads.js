// Files that are chosen or dropped: looked at, sent one after another, and told of if refused.
const WHOLE_QUEUE = ["network", "documents-locked", "stopped"]; // these befall the others as well
const AGAIN = ["network", "stopped", "unknown", "internal-error"];
const NAMED = 3;
const megabytes = Math.floor(mostBytes / 1024 ** 2);
const queue = [];
const sending = { total: 0, sent: 0, number: 0, of: 0, stop: null };

const endingOf = (name) => name.replace(/[ .]+$/, "").match(/\.[^.]*$/)?.[0].toLowerCase() ?? "";

// What the server is sure to refuse need not travel there.
const objection = (file) => {
  if (!suffixes.includes(endingOf(file.name))) return { kind: "upload", status: 415, detail: "" };
  if (file.size > mostBytes) return { kind: "upload", status: 413, detail: "" };
  return null;
};

const addFiles = (files, replace = false) => {
  const refused = new Map();
  clearOutcome();
  for (const file of files) {
    forgetNotice([file.name]);
    const problem = objection(file);
    if (problem) {
      const { status } = problem;
      const names = refused.get(status)?.names ?? [];
      refused.set(status, { names: [...names, file.name], problem });
    } else {
      queue.push({ file, replace });
      sending.total += file.size;
      sending.of += 1;
    }
  }
  for (const notice of refused.values()) addNotice(notice);
  if (queue.length && !sending.stop) sendAll();
};

const sendAll = async () => {
  sending.stop = new AbortController();
  newest.clear();
  announce("sending_begun", { count: sending.of });
  while (queue.length) await sendNext(queue.shift());
  Object.assign(sending, { total: 0, sent: 0, number: 0, of: 0, stop: null });
  hideProgress("sending");
  if (expected.added.size) follow();
};

const sendNext = async ({ file, replace }) => {
  sending.number += 1;
  const progressed = (bytes) => {
    const { number, of, sent, total } = sending;
    const words = said("sending", { number, total: of, name: file.name });
    showProgress("sending", words, sent + Math.min(bytes, file.size), total);
  };
  progressed(0);
  try {
    const { signal } = sending.stop;
    for (const source of await send(file, { replace, signal, progressed })) {
      expected.added.add(source);
      newest.add(source);
    }
    follow();
  } catch (problem) {
    refuse(file, replace, problem);
  }
  sending.sent += file.size;
};

const refuse = (file, replace, problem) => {
  const files = [file];
  if (WHOLE_QUEUE.includes(problem.kind)) files.push(...queue.splice(0).map((item) => item.file));
  const names = files.map(({ name }) => name);
  const retry = AGAIN.includes(problem.kind) ? () => addFiles(files, replace) : undefined;
  const exists = problem.kind === "document-exists";
  addNotice({ names, problem, retry, replace: exists ? () => addFiles(files, true) : undefined });
  if (problem.kind === "documents-locked") follow(); // the list says why
};

const named = (names) => {
  const first = names.slice(0, NAMED).join(", ");
  const more = names.length - NAMED;
  return more > 0 ? said("and_more", { names: first, count: more }) : [first];
};

// A notice stays until it is answered or its file is sent anew.
const addNotice = ({ names, problem, retry, replace }) => {
  clearOutcome();
  forgetNotice(names);
  const notice = make("li", { class: "notice", role: "alert", "data-names": JSON.stringify(names) });
  const close = (act) => () => {
    notice.remove();
    find("#drawer-title").focus({ preventScroll: true });
    act?.();
  };
  if (names.length) notice.append(make("p", { class: "title" }, ...named(names)));
  notice.append(make("p", {}, ...said(problemKey(problem), { megabytes })));
  if (problem.detail) notice.append(make("p", { class: "detail" }, ...explained(problem.detail)));
  const choices = make("div", { class: "choices" });
  if (replace) choices.append(button("quiet-button", "replace", close(replace)));
  if (retry) choices.append(button("quiet-button", "retry", close(retry)));
  choices.append(button("text-button", replace ? "keep_old" : "dismiss", close()));
  notice.append(choices);
  find(".notices").append(notice);
  notice.scrollIntoView({ block: "nearest" });
};

const forgetNotice = (names) => {
  const key = JSON.stringify(names);
  for (const notice of element.querySelectorAll(".notice")) {
    if (notice.dataset.names === key) notice.remove();
  }
};
