// What a page does besides links and forms: submit once, keep a draft, follow changes, say when the node is gone.
// Everything works without it; nothing here writes markup from text.
(() => {
  "use strict";
  const root = document.documentElement;
  const csrf = () => document.querySelector("input[name=csrf]")?.value ?? "";
  const post = (url, data) =>
    fetch(url, { method: "POST", body: new URLSearchParams(data), credentials: "same-origin", redirect: "error" });

  // A second click sends nothing; the action's id in the form would make it harmless anyway.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sure && !window.confirm(form.dataset.sure)) return event.preventDefault();
    if (!form.hasAttribute("data-once")) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    clearTimeout(form.draftTimer);
    setTimeout(() => {
      for (const button of form.querySelectorAll("button")) button.disabled = true;
      if (event.submitter) event.submitter.textContent = "正在提交…";
    });
  });
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  document.addEventListener("click", (event) => event.target.closest("[data-print]") && window.print());

  // One box for all boxes of a name in its form.
  document.addEventListener("change", (event) => {
    const all = event.target;
    if (!all.matches("[data-all]") || !all.form) return;
    for (const box of all.form.elements) if (box.type === "checkbox" && box.name === all.dataset.all) box.checked = all.checked;
  });

  // Drafts: kept by the node (encrypted with the rest), so that a power cut costs at most a second of typing.
  const plain = (form) => {
    const out = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      const kept = typeof value === "string" && !name.startsWith("was.");
      if (kept && !["csrf", "action", "heads", "kind"].includes(name)) out.append(name, value);
    }
    return out.toString();
  };
  const spoken = (form) => form.querySelector(".draft") ?? form.closest("section")?.querySelector(".draft");
  const say = (form, text) => {
    const place = spoken(form);
    if (place) place.textContent = text;
  };
  const fill = (form, text) => {
    const kept = new URLSearchParams(text);
    for (const box of form.querySelectorAll("input[type=checkbox]")) box.checked = kept.getAll(box.name).includes(box.value);
    for (const [name, value] of kept) {
      const field = form.elements[name];
      // Several boxes of one name are a list, and were seen to above.
      if (!field || (field[0] ?? field).type === "checkbox") continue;
      field.value = value;
    }
    form.closest("details")?.setAttribute("open", "");
    mark(form);
  };
  // What only some kinds of assistance ask is there while one of them is picked.
  const fit = (form) => {
    const picked = form.querySelector("[name=assistance]:checked, select[name=assistance]")?.value ?? "";
    for (const field of form.querySelectorAll("[data-only]")) field.hidden = !field.dataset.only.split("|").includes(picked);
  };
  const mark = (form) => {
    fit(form);
    if (!form.hasAttribute("data-changed")) return;
    for (const was of form.querySelectorAll('input[type=hidden][name^="was."]')) {
      const field = form.elements[was.name.slice(4)];
      field?.closest?.(".field")?.classList.toggle("changed", field.value !== was.value);
    }
  };
  // One listener for all forms: a live page puts new ones in the place of old ones.
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-draft]");
    if (!form) return;
    mark(form);
    clearTimeout(form.draftTimer);
    form.draftTimer = setTimeout(async () => {
      const data = plain(form);
      if (data === form.draftAt || form.dataset.sent) return;
      try {
        const answer = await post("/drafts", { csrf: csrf(), form: form.dataset.draft, data });
        if (!answer.ok) throw new Error();
        form.draftAt = data;
        say(form, "草稿已存本机");
      } catch {
        say(form, "草稿没有存上");
      }
    }, 800);
  });
  const drafted = [...document.querySelectorAll("form[data-draft]")];
  for (const form of drafted) {
    form.draftAt = plain(form);
    mark(form);
  }
  if (drafted.length) {
    post("/drafts/read", new URLSearchParams([["csrf", csrf()], ...drafted.map((form) => ["form", form.dataset.draft])]))
      .then((answer) => (answer.ok ? answer.json() : {}))
      .then((drafts) => {
        for (const form of drafted) {
          const text = drafts[form.dataset.draft];
          if (!text || text === plain(form)) continue;
          const asMade = plain(form);
          fill(form, text);
          say(form, "已恢复上次没提交的草稿　");
          const drop = document.createElement("button");
          drop.type = "button";
          drop.className = "slim quiet";
          drop.textContent = "不要草稿";
          drop.addEventListener("click", () => {
            post("/drafts", { csrf: csrf(), form: form.dataset.draft, data: "" });
            fill(form, asMade);
            form.draftAt = asMade;
            say(form, "");
          });
          spoken(form)?.append(drop);
        }
      })
      .catch(() => {});
  }

  // Live: the node says that something changed; the marked parts of the page are fetched anew and put in place,
  // unless somebody is just typing or choosing in them.
  if (!document.body.hasAttribute("data-live") || !window.EventSource) return;
  let shown = Number(document.body.dataset.change);
  let timer;
  const busy = (part) => part.contains(document.activeElement) || part.querySelector("details[open]");
  const refresh = async () => {
    const answer = await fetch(location.href, {
      credentials: "same-origin",
      redirect: "error",
      headers: { Accept: "text/html", "X-Shouwang-Live": "1" },
    });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-refresh], #link, .nav")) {
      const by = part.id ? `#${CSS.escape(part.id)}` : ".nav";
      const next = fresh.querySelector(by);
      if (next && !busy(part)) part.replaceWith(document.adoptNode(next));
    }
    shown = Math.max(shown, Number(fresh.body.dataset.change));
    document.body.dataset.above = fresh.body.dataset.above ?? "";
  };
  let lost;
  const listen = () => {
    const source = new EventSource(`/events?above=${document.body.dataset.above ?? ""}`);
    source.addEventListener("open", () => {
      clearTimeout(lost);
      if (root.classList.contains("lost")) refresh().catch(() => {});
      root.classList.remove("lost");
    });
    source.addEventListener("change", (event) => {
      if (Number(event.data) <= shown) return;
      clearTimeout(timer);
      timer = setTimeout(() => refresh().catch(() => {}), 400);
    });
    source.addEventListener("error", () => {
      clearTimeout(lost);
      lost = setTimeout(() => root.classList.add("lost"), 2500);
      if (source.readyState !== EventSource.CLOSED) return;
      // Refused, not unreachable: the session is over. What was typed is in the drafts; the page shows no more.
      fetch("/healthz")
        .then((answer) => (answer.ok ? location.assign("/sign-in") : setTimeout(listen, 5000)))
        .catch(() => setTimeout(listen, 5000));
    });
    window.addEventListener("pagehide", () => source.close(), { once: true });
  };
  listen();
})();
