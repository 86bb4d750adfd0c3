// An export that says how far it has come, and can be stopped. Without this file the browser saves it by itself.
"use strict";

const SPILL_BYTES = 8_000_000;

class Export {
  constructor(bar) {
    this.bar = bar;
    one(".export-stop", bar).addEventListener("click", () => this.stopping?.abort());
    found.addEventListener("click", (event) => {
      const link = event.target.closest("a.export");
      if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.run(link.href, Number(one("#count", found)?.dataset.total || 0));
    });
    document.addEventListener("submit", (event) => {
      if (event.target.id !== "rows" || !event.submitter?.formAction.endsWith("/export")) return;
      event.preventDefault();
      const { ids } = choice;
      if (ids.length) this.run(`/api/v1/recordings.csv?ids=${ids.join(",")}`, ids.length);
    });
  }

  async run(address, total) {
    if (this.stopping) return;
    this.stopping = new AbortController();
    this.progress = one("progress", this.bar);
    this.progress.removeAttribute("value");
    this.bar.hidden = false;
    this.say(0, total);
    try {
      const answer = await fetch(address, { signal: this.stopping.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const { file, rows } = await this.read(answer.body.getReader(), total);
      this.save(file, answer.headers.get("Content-Disposition"));
      toast(say("exported", { n: rows.toLocaleString(document.documentElement.lang) }));
    } catch (error) {
      toast(say(error.name === "AbortError" ? "export_stopped" : "export_failed"));
    } finally {
      this.bar.hidden = true;
      this.stopping = null;
    }
  }

  // The parts become a blob now and then, which the browser may keep on the disk.
  async read(reader, total) {
    let [parts, bytes, rows, before] = [[], 0, -1, 0];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const byte of value) {
        if (byte === 10 && before === 13) rows += 1; // a row ends as RFC 4180 says; a line within a note does not
        before = byte;
      }
      parts.push(value);
      bytes += value.length;
      if (bytes > SPILL_BYTES) [parts, bytes] = [[new Blob(parts)], 0];
      this.say(Math.max(0, rows), total);
    }
    return { file: new Blob(parts, { type: "text/csv" }), rows: Math.max(0, rows) };
  }

  say(n, total) {
    const language = document.documentElement.lang;
    const values = { n: n.toLocaleString(language), total: total.toLocaleString(language) };
    one(".export-words", this.bar).textContent = say(total ? "rows_of" : "rows", values);
    if (total) {
      this.progress.max = total;
      this.progress.value = Math.min(n, total);
    }
  }

  save(file, disposition) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = /filename="([^"]+)"/.exec(disposition ?? "")?.[1] ?? "recordings.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}

if (one(".exporting")) new Export(one(".exporting"));
