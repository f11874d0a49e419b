// The two bars, of sending and of indexing, and the sentence about what came of it.
const showProgress = (name, words, done, total) => {
  const block = find(`.progress.${name}`);
  const track = block.querySelector(".track");
  block.hidden = false;
  block.querySelector(".progress-words").replaceChildren(...words);
  track.classList.toggle("track-unknown", !total);
  if (total) {
    const share = Math.floor((100 * Math.min(done, total)) / total);
    track.setAttribute("aria-valuenow", share);
    track.firstChild.style.inlineSize = `${share}%`;
  } else {
    track.removeAttribute("aria-valuenow");
    track.firstChild.style.inlineSize = "";
  }
  showBusy();
};

const hideProgress = (name) => {
  find(`.progress.${name}`).hidden = true;
  showBusy();
};

// A closed drawer still says on its button that something is going on.
const showBusy = () => {
  const busy = element.querySelector(".progress:not([hidden])") !== null;
  document.querySelector(".opener")?.toggleAttribute("data-busy", busy);
};

const showJob = (job) => {
  clearOutcome();
  const stage = `stage_${job.stage}` in labels[languages[0]] ? `stage_${job.stage}` : "stage_begun";
  const { done, total } = job;
  const before = find(".progress.indexing").dataset.stage;
  find(".progress.indexing").dataset.stage = stage;
  showProgress("indexing", said(stage, { done, total }), done, total);
  if (before !== stage) announce(stage, { done, total });
};

const hideJob = () => {
  delete find(".progress.indexing").dataset.stage;
  hideProgress("indexing");
};

// It stands until something else happens.
const showOutcome = (key, values) => {
  const outcome = find(".outcome");
  outcome.hidden = false;
  say(outcome, key, values);
  announce(key, values);
  outcome.scrollIntoView({ block: "nearest" });
};

const clearOutcome = () => {
  find(".outcome").hidden = true;
};
