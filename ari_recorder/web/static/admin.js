// While a file is imported its page shows how far it has come; without this, "Look again" does.

const EVERY_MS = 700;

async function look() {
  const shown = document.getElementById("import");
  if (!shown?.dataset.goesOn) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.getElementById("import");
    if (!now) return location.reload();
    if (now.dataset.goesOn !== shown.dataset.goesOn) {
      shown.replaceWith(now);
      document.title = page.title;
    } else {
      shown.querySelector("progress").value = now.querySelector("progress").value;
      shown.querySelector("[role=status]").textContent = now.querySelector("[role=status]").textContent;
    }
  } catch {
    // the service is away for a moment: the next look tells
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
