// What a reader of heed's report may count on. REPORT_EN and REPORT_ZH name the two files, CHROMIUM
// the browser, SHOTS (may be absent) a folder for screenshots. Run by tests/check_report.sh.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { launch, open } from "./browser.mjs";

const reports = [
  { lang: "en", file: process.env.REPORT_EN },
  { lang: "zh", file: process.env.REPORT_ZH },
];
const widths = [390, 1280];
const schemes = ["light", "dark"];
const han = /\p{Script=Han}/u;

let browser;
before(async () => {
  for (const { lang, file } of reports) assert.ok(file, `no report in ${lang} was named`);
  browser = await launch();
});
after(() => browser?.close());

// Every drawing that carries meaning: its name, and the rows of the table that says the same.
// The table is the one its aria-describedby or aria-details names, or one in the nearest figure,
// section or article around it.
function chartsOf(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll("svg:not([aria-hidden=true]):not(svg svg)")].map((svg) => {
      const named = `${svg.getAttribute("aria-describedby") ?? ""} ${svg.getAttribute("aria-details") ?? ""}`
        .split(/\s+/)
        .filter(Boolean)
        .map((id) => document.getElementById(id))
        .map((element) => (element?.matches("table") ? element : element?.querySelector("table")))
        .find(Boolean);
      const table = named ?? svg.closest("figure, section, article")?.querySelector("table");
      const labelled = (svg.getAttribute("aria-labelledby") ?? "")
        .split(/\s+/)
        .map((id) => document.getElementById(id)?.textContent ?? "")
        .join(" ");
      return {
        name: (
          svg.getAttribute("aria-label") ||
          labelled.trim() ||
          svg.querySelector(":scope > title")?.textContent ||
          ""
        ).trim(),
        head: table?.querySelectorAll("th").length ?? 0,
        rows: table ? [...table.rows].filter((row) => row.querySelector("td")).length : 0,
      };
    }),
  );
}

// Texts of drawings that stick out of their drawing by more than a pixel.
function clippedTexts(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll("svg:not(svg svg)")].flatMap((svg) => {
      const frame = svg.getBoundingClientRect();
      if (frame.width === 0) return [];
      return [...svg.querySelectorAll("text")]
        .map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0)
        .filter(
          ({ box }) =>
            box.left < frame.left - 1 ||
            box.right > frame.right + 1 ||
            box.top < frame.top - 1 ||
            box.bottom > frame.bottom + 1,
        )
        .map(({ text }) => text);
    }),
  );
}

// The least contrast between text and ground (WCAG 2.1, 1.4.3) among elements outside drawings.
function leastContrast(page) {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const parts = (color) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const luminance = ([r, g, b]) =>
      [r, g, b]
        .map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
    const over = (top, under) =>
      [0, 1, 2].map((at) => (top[at] * top[3] + under[at] * (255 - top[3])) / 255);
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const ground = (element) => {
      const layers = [];
      for (let at = element; at; at = at.parentElement) {
        layers.unshift(parts(getComputedStyle(at).backgroundColor));
      }
      const schemed = getComputedStyle(document.documentElement).colorScheme.includes("dark");
      const canvasColor = dark && schemed ? [18, 18, 18] : [255, 255, 255];
      return layers.reduce((under, top) => over(top, under), canvasColor);
    };
    let least = { ratio: Infinity, text: "" };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      const text = walker.currentNode.textContent.trim();
      if (!text || element.closest("svg, script, style, template, noscript")) continue;
      if (element.getClientRects().length === 0) continue;
      const under = ground(element);
      const ink = over(parts(getComputedStyle(element).color), under);
      const [low, high] = [luminance(under), luminance(ink)].sort((a, b) => a - b);
      const ratio = (high + 0.05) / (low + 0.05);
      if (ratio < least.ratio) least = { ratio, text };
    }
    return least;
  });
}

for (const { lang, file } of reports) {
  describe(`the report in ${lang}`, () => {
    const url = file ? pathToFileURL(file).href : "";
    let opened;
    let page;
    before(async () => {
      opened = await open(browser, url);
      page = opened.page;
    });
    after(() => opened?.close());

    it("asks nothing of any network", async () => {
      await page.evaluate(() => {
        for (const details of document.querySelectorAll("details")) details.open = true;
        scrollTo(0, document.body.scrollHeight);
      });
      await page.waitForTimeout(200);
      assert.deepEqual(opened.tried, []);
      const outside = await page.evaluate(() =>
        [...document.querySelectorAll("[src], link[href], image, use")]
          .map((element) => element.getAttribute("src") ?? element.getAttribute("href") ?? "")
          .filter((address) => address && !/^(data:|#)/.test(address)),
      );
      assert.deepEqual(outside, [], "these come from outside the file");
    });

    it("runs without a complaint", () => {
      assert.deepEqual(opened.complaints, []);
    });

    it("says its title and its language", async () => {
      const title = await page.title();
      assert.ok(title.trim(), "no title");
      assert.equal(await page.locator("h1").count(), 1);
      const declared = await page.locator("html").getAttribute("lang");
      assert.match(declared ?? "", new RegExp(`^${lang}(-|$)`));
      assert.equal(han.test(title), lang === "zh", `the title "${title}"`);
      const headings = await page.locator("h1, h2").allTextContents();
      for (const heading of headings) {
        assert.equal(han.test(heading), lang === "zh", `the heading "${heading}"`);
      }
    });

    it("gives every drawing a name and a table", async () => {
      const charts = await chartsOf(page);
      assert.ok(charts.length >= 3, `only ${charts.length} drawings`);
      for (const [at, chart] of charts.entries()) {
        const which = `drawing ${at + 1} (${chart.name || "no name"})`;
        assert.ok(chart.name, `${which}: nothing reads it out`);
        assert.ok(chart.head > 0, `${which}: no table with a heading`);
        assert.ok(chart.rows > 0, `${which}: a table without rows`);
      }
    });

    // plaza has enough acts to hide some: the numbers stand beside the dots, and in the table.
    it("shows what a floor costs, and what it moves", async () => {
      const names = { en: ["What a floor costs those who look", "What the floor moves"], zh: ["保底对浏览者的代价", "保底移动了什么"] };
      const [cost, moved] = names[lang].map((name) => page.locator("figure", { has: page.locator("figcaption", { hasText: name }) }));
      assert.equal(await moved.count(), 1);
      const numbers = (texts) => texts.map(Number.parseFloat);
      const rows = await cost.locator("tbody tr").evaluateAll((all) =>
        all.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent)),
      );
      const floors = numbers(rows.map((row) => row[0]));
      assert.deepEqual(floors, [0, 5, 10, 20, 25, 50]);
      const [kept, worst] = [2, 4].map((column) => numbers(rows.map((row) => row[column])));
      for (const share of [kept, worst]) {
        assert.equal(share[0], 100);
        assert.ok(share[5] < share[1] && share[5] > 20, `${share}`);
      }
      const written = await cost.locator("svg text").allTextContents();
      for (const [at, share] of [...kept, ...worst].entries()) {
        if (at % floors.length === 0) continue; // without a floor nothing is lost
        const near = [share - 0.05, share + 0.05].map((x) => String(Math.round(x))); // the table has one decimal
        assert.ok(near.some((text) => written.includes(text)), `${share} is not beside its dot`);
      }
    });

    it("holds no number that is none", async () => {
      const text = await page.evaluate(() => document.body.textContent);
      assert.doesNotMatch(text, /\b(NaN|-?Infinity|undefined|\(null\))\b|(^|[\s(])-?(nan|inf)\b/);
      const broken = await page.evaluate(() =>
        [...document.querySelectorAll("svg, svg *")].flatMap((element) =>
          [...element.attributes]
            .filter(({ name }) => /^(x|y|x1|x2|y1|y2|cx|cy|r|d|points|width|height|transform|viewBox)$/.test(name))
            .filter(({ value }) => /nan|inf|undefined|null/i.test(value))
            .map(({ name, value }) => `${element.tagName} ${name}="${value.slice(0, 60)}"`),
        ),
      );
      assert.deepEqual(broken, []);
    });

    it("uses each id once", async () => {
      const twice = await page.evaluate(() => {
        const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
        return ids.filter((id, at) => ids.indexOf(id) !== at);
      });
      assert.deepEqual(twice, []);
    });

    for (const scheme of schemes) {
      it(`can be read in ${scheme}`, async () => {
        await page.emulateMedia({ colorScheme: scheme });
        const { ratio, text } = await leastContrast(page);
        assert.ok(ratio >= 4.5, `"${text}" stands out by ${ratio.toFixed(2)}, not 4.5`);
      });
    }

    it("is drawn for light and for dark", async () => {
      const grounds = [];
      for (const scheme of schemes) {
        await page.emulateMedia({ colorScheme: scheme });
        grounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor +
          getComputedStyle(document.documentElement).backgroundColor));
      }
      assert.notEqual(grounds[0], grounds[1]);
    });

    for (const width of widths) {
      it(`fits a window ${width} wide`, async () => {
        await page.setViewportSize({ width, height: 900 });
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.ok(over <= 1, `${over} pixels stick out`);
        assert.deepEqual(await clippedTexts(page), [], "these texts leave their drawing");
        if (process.env.SHOTS) {
          for (const scheme of schemes) {
            await page.emulateMedia({ colorScheme: scheme });
            await page.screenshot({
              path: `${process.env.SHOTS}/${lang}-${width}-${scheme}.png`,
              fullPage: true,
            });
          }
        }
      });
    }
  });
}
