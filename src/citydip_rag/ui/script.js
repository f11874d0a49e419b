// Runs once the conversation is on the page. Gradio provides `element` (the conversation),
// `props`, `trigger(event, data)` and `watch(property, callback)`.
const root = document.documentElement;
const STORED = "citydip.language";

const stored = () => {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // storage is switched off: follow the browser
  }
};

const store = (language) => {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // the choice then lasts as long as the page
  }
};

const set = (node, attributes) => {
  for (const [name, value] of Object.entries(attributes)) node?.setAttribute(name, value);
};

const speak = (language) => {
  const labels = props.labels[language];
  root.lang = language;
  root.dataset.language = language;
  document.title = labels.title;
  set(document.querySelector("#question textarea"), {
    placeholder: labels.placeholder,
    "aria-label": labels.question_label,
    "aria-describedby": "hint",
  });
  set(document.querySelector("#send"), { "aria-label": labels.send, title: labels.send });
  set(document.querySelector("#hint"), { role: "status" });
  for (const input of document.querySelectorAll("#generator input")) {
    const name = input.closest("label")?.querySelector("span");
    const label = labels[`by_${input.value}`] ?? input.value;
    if (name && name.textContent !== label) name.textContent = label; // else we would see it below
  }
  set(document.querySelector(".switch"), { "aria-label": labels.language_switch });
  for (const button of document.querySelectorAll("[data-choose]")) {
    button.setAttribute("aria-pressed", String(button.dataset.choose === language));
  }
};

const browserLanguage = () => (/^(id|in)\b/i.test(navigator.language) ? "id" : "en");
const language = () => root.dataset.language ?? stored() ?? browserLanguage();

const wide = window.matchMedia("(min-width: 1000px)");
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const behavior = () => (calm.matches ? "auto" : "smooth");

const show = (turn) => {
  for (const other of element.querySelectorAll(".turn.current")) other.classList.remove("current");
  turn.classList.add("current");
};

const flash = (...nodes) => {
  for (const node of nodes) {
    node.classList.remove("flash");
    void node.offsetWidth; // restarts the animation
    node.classList.add("flash");
    setTimeout(() => node.classList.remove("flash"), 1600);
  }
};

const returnTo = (turn, number) => {
  const badge = turn.querySelector(`.badge[data-number="${number}"]`);
  badge?.scrollIntoView({ block: "center", behavior: behavior() });
  badge?.focus({ preventScroll: true });
  if (badge) flash(badge);
};

const reveal = (turn, number) => {
  show(turn);
  const marks = turn.querySelectorAll(`mark[data-numbers~="${number}"]`);
  if (!marks.length) return;
  const card = marks[0].closest(".card");
  marks[0].scrollIntoView({ block: "center", behavior: behavior() });
  marks[0].focus({ preventScroll: true });
  flash(card, ...marks);
};

const copy = async (button) => {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return; // the browser does not let us: the reader can still select the text
  }
  const words = button.innerHTML;
  button.textContent = props.labels[language()].copied;
  setTimeout(() => (button.innerHTML = words), 1600);
};

element.addEventListener("click", (event) => {
  const asked = event.target.closest("[data-ask]");
  const badge = event.target.closest(".badge");
  const number = event.target.closest(".number");
  const evidence = event.target.closest(".show-evidence");
  const copied = event.target.closest(".copy");
  if (event.target.closest(".stop")) {
    trigger("halt");
  } else if (copied) {
    copy(copied);
  } else if (asked) {
    trigger("ask", { question: asked.dataset.ask });
    // On a phone this would only raise the keyboard over the answer.
    if (wide.matches) document.querySelector("#question textarea")?.focus({ preventScroll: true });
  } else if (badge) {
    reveal(badge.closest(".turn"), badge.dataset.number);
  } else if (number) {
    returnTo(number.closest(".turn"), number.dataset.number);
  } else if (evidence) {
    const turn = evidence.closest(".turn");
    show(turn);
    if (wide.matches) turn.querySelector(".evidence")?.scrollTo({ top: 0 });
    else turn.querySelector(".evidence")?.scrollIntoView({ behavior: behavior() });
  }
});

// One question at a time: who sends another while an answer is written is told so.
const sayBusy = () => {
  const hint = document.querySelector("#hint .busy") ?? document.createElement("p");
  hint.className = "busy";
  hint.textContent = props.labels[language()].busy;
  document.querySelector("#hint")?.append(hint);
  setTimeout(() => hint.remove(), 4000);
};

const isWriting = () => Boolean(element.querySelector(".reply-waiting"));

document.addEventListener(
  "keydown",
  (event) => {
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (sends && event.target.closest?.("#question") && isWriting()) sayBusy();
  },
  true,
);

document.addEventListener("click", (event) => {
  if (event.target.closest("#send") && isWriting()) sayBusy();
  const choice = event.target.closest("[data-choose]")?.dataset.choose;
  if (!choice) return;
  speak(choice);
  store(choice);
});

let settled = "";
watch("value", () => {
  const turn = element.querySelector(".turn:last-of-type");
  if (!turn) return;
  show(turn);
  // An answer that is being written must not pull its reader back with every word.
  const state = `${turn.id} ${Boolean(turn.querySelector(".reply-waiting"))}`;
  if (state === settled) return;
  settled = state;
  requestAnimationFrame(() => turn.scrollIntoView({ block: "start", behavior: behavior() }));
  const reply = turn.querySelector(".reply:not(.reply-waiting)");
  const announcer = document.querySelector("#announcer");
  if (reply && announcer) announcer.textContent = reply.innerText;
});

// Components are mounted one after another: name the ones that come after this one, too.
speak(language());
const settle = new MutationObserver(() => speak(language()));
settle.observe(document.body, { childList: true, subtree: true });
setTimeout(() => settle.disconnect(), 5000);
