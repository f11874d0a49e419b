// Opening and closing, and files that are dropped anywhere on the page.
const drawer = find("#drawer");
const page = document.documentElement;
const besides = window.matchMedia("(min-width: 1000px)");
const behind = ["#conversation", "#composer"];

// On a phone the drawer covers the conversation, which then takes no focus but goes on.
const showState = () => {
  const open = !drawer.hidden;
  page.toggleAttribute("data-drawer", open);
  document.querySelector(".opener")?.setAttribute("aria-expanded", String(open));
  for (const selector of behind) {
    document.querySelector(selector)?.toggleAttribute("inert", open && !besides.matches);
  }
};

const openDrawer = () => {
  if (!drawer.hidden) return;
  drawer.hidden = false;
  showState();
  find("#drawer-title").focus({ preventScroll: true });
  if (!library.known) say(find(".summary"), "loading");
  refresh();
};

const closeDrawer = () => {
  clearOutcome(); // it has been seen
  const within = drawer.contains(document.activeElement);
  drawer.hidden = true;
  showState();
  if (within) document.querySelector(".opener")?.focus();
};

besides.addEventListener("change", showState);

document.addEventListener("click", (event) => {
  if (!event.target.closest(".opener")) return;
  if (drawer.hidden) openDrawer();
  else closeDrawer();
});

// Whoever asks a question has read what came of the indexing.
document.addEventListener("click", (event) => {
  if (event.target.closest("#send, [data-ask]")) clearOutcome();
});
document.addEventListener("keydown", ({ key, shiftKey, isComposing, target }) => {
  if (key === "Enter" && !shiftKey && !isComposing && target.closest("#question")) clearOutcome();
});

// Before the page shows a passage, the drawer makes room for it.
document.addEventListener(
  "click",
  (event) => {
    if (!drawer.hidden && event.target.closest(".badge, .show-evidence")) closeDrawer();
  },
  true,
);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || drawer.hidden) return;
  if (event.target === find("#drawer-filter") && event.target.value) return; // clears it
  if (!withdrawAny()) closeDrawer();
});

find(".close").addEventListener("click", closeDrawer);
find(".key").addEventListener("submit", tryKey);
find(".forget").addEventListener("click", forgetKey);
find(".stop").addEventListener("click", () => {
  sending.stop?.abort();
  find("#drawer-title").focus({ preventScroll: true });
});
find("#drawer-filter").addEventListener("input", filterFiles);

// The one text that cannot be there in all languages at once.
const nameFilter = () => (find("#drawer-filter").placeholder = fill(spoken(), "filter"));
new MutationObserver(nameFilter).observe(page, { attributeFilter: ["data-language"] });
nameFilter();

const chooser = find('input[type="file"]');
find(".choose").addEventListener("click", () => chooser.click());
chooser.addEventListener("change", () => {
  addFiles([...chooser.files]);
  chooser.value = ""; // so that the same file can be chosen again
});

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
const dragging = (on) => page.toggleAttribute("data-dragging", on);

document.addEventListener("dragenter", (event) => {
  if (!carriesFiles(event)) return;
  openDrawer();
  dragging(true);
});

document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) dragging(false); // out of the window
});

// A file that is dropped beside the mark would else take the place of the page.
document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = library.known && !library.changeable ? "none" : "copy";
});

document.addEventListener("drop", async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  dragging(false);
  const items = [...event.dataTransfer.items].filter(({ kind }) => kind === "file");
  const folders = items.map((item) => item.webkitGetAsEntry?.()).filter((it) => it?.isDirectory);
  const names = folders.map(({ name }) => name);
  const files = [...event.dataTransfer.files].filter(({ name }) => !names.includes(name));
  openDrawer();
  if (!library.known) await refresh();
  if (!library.changeable) return;
  if (names.length) addNotice({ names, problem: { kind: "folder", status: 0, detail: "" } });
  addFiles(files);
});
