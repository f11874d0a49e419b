// The indexing is followed for as long as it runs; then what came of it is told.
const EVERY = 500;
const RETRIES = 10;
const expected = { added: new Set(), gone: new Set() };

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// The list as it is now, and the indexing if somebody else has begun it.
const refresh = async () => {
  try {
    const job = await load();
    if (following || job.state === "running") follow();
    else settle(job);
  } catch (problem) {
    if (!library.known) say(find(".summary"), "unknown");
    addNotice({ names: [], problem, retry: refresh });
  }
};

// One loop follows the indexing; whoever calls while it runs makes it look once more.
let following = null;
let again = false;

const follow = () => {
  again = true;
  following ??= followAll().finally(() => (following = null));
  return following;
};

const followAll = async () => {
  let failures = 0;
  while (again) {
    again = false;
    try {
      const job = await untilDone();
      failures = 0;
      if (!again) settle(job);
    } catch (problem) {
      failures += 1;
      if (failures > RETRIES) {
        hideJob();
        addNotice({ names: [], problem, retry: follow });
        return;
      }
      again = true;
      await pause(failures * EVERY);
    }
  }
};

// The list is asked for last, for it says whether another run has begun since.
const untilDone = async () => {
  for (;;) {
    let job = await call("GET", "indexing");
    if (job.state !== "running") job = await load();
    if (job.state !== "running") return job;
    showJob(job);
    await pause(EVERY);
  }
};

// What came of it is told when all files are there.
const settle = (job) => {
  hideJob();
  if (sending.stop) return;
  for (const { row } of rows.values()) stay(row);
  const added = [...expected.added];
  const gone = [...expected.gone];
  expected.added.clear();
  expected.gone.clear();
  // Where nothing is left the indexing fails as well, and there is nothing to be done about it.
  if (job.state === "failed" && (library.documents.length || added.length)) {
    const problem = { kind: "indexing", status: 0, detail: job.message };
    addNotice({ names: [], problem });
  } else if (added.length) tellAdded(added);
  else if (gone.length === 1) showOutcome("removed_one", { name: gone[0] });
  else if (gone.length) showOutcome("removed_other", { count: gone.length });
};

const tellAdded = (sources) => {
  const theirs = library.documents.filter(
    (info) => !isContainer(info) && sources.some((name) => holds(name, info)),
  );
  const ready = theirs.filter(({ status }) => status === "indexed");
  const failed = theirs.length - ready.length;
  if (ready.length === 1 && !failed) showOutcome("added_one", { name: ready[0].title });
  else if (!failed) showOutcome("added_other", { count: ready.length });
  else if (!ready.length) showOutcome("added_none", { failed });
  else showOutcome("added_some", { count: ready.length, failed });
  for (const { source } of theirs) markNew(rows.get(source).row);
};

const markNew = (row) => {
  row.classList.add("new");
  setTimeout(() => row.classList.remove("new"), 2400);
};
