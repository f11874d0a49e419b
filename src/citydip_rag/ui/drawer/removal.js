// Removing a file: asked for in its row, confirmed there, done by the server.
const offerRemoval = (row, info) => {
  const opener = make("button", { type: "button", class: "icon-button remove" });
  opener.append(make("span", { class: "quiet" }, ...said("remove", { name: info.source })));
  opener.addEventListener("click", () => confirmRemoval(row, info, opener));
  return opener;
};

const confirmRemoval = (row, info, opener) => {
  for (const other of element.querySelectorAll(".confirm")) withdraw(other.closest(".file"));
  const words = make("p", { id: "drawer-confirm" }, ...said("confirm", { name: info.source }));
  const keep = button("quiet-button", "keep", () => {
    withdraw(row);
    opener.focus();
  });
  const remove = button("quiet-button danger", "remove_now", () => removeNow(row, info));
  const box = make("div", { class: "confirm", role: "group", "aria-labelledby": words.id });
  box.append(words, make("div", { class: "choices" }, remove, keep));
  row.append(box);
  box.scrollIntoView({ block: "nearest" });
  keep.focus({ preventScroll: true });
};

const withdraw = (row) => row.querySelector(".confirm")?.remove();

// Escape takes back the question before it closes the drawer.
const withdrawAny = () => {
  const box = find(".confirm");
  if (!box) return false;
  const row = box.closest(".file");
  withdraw(row);
  row.querySelector(".remove").focus();
  return true;
};

const removeNow = async (row, info) => {
  withdraw(row);
  clearOutcome();
  row.classList.add("going");
  row.querySelector(".remove").disabled = true;
  row.focus();
  try {
    await call("DELETE", `documents/${encodeURIComponent(info.id)}`);
    expected.gone.add(info.source);
  } catch (problem) {
    stay(row);
    if (problem.kind !== "document-missing") {
      addNotice({ names: [info.source], problem });
      return;
    }
  }
  refresh();
};

const stay = (row) => {
  row.classList.remove("going");
  const opener = row.querySelector(".remove");
  if (opener) opener.disabled = false;
};
