// Copies what an element says. Without scripts the button is not there, and the text can be marked by hand.

async function copy(button) {
  const source = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
  } catch {
    const range = document.createRange();
    range.selectNodeContents(source);
    const marked = getSelection();
    marked.removeAllRanges();
    marked.addRange(range);
    document.execCommand("copy");
  }
  button.querySelector("span").textContent = button.dataset.done;
}

for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
