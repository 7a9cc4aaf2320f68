// Search for sections by the words of a question. Sphinx's own search finds only pages that contain every word, and
// gives all of them the same score.

// Guides come before records, and the API reference is found by names.
const PAGE_WEIGHTS = [
  [/^(CHANGELOG|CONTRIBUTING|docs\/proof|benchmarks\/)/, 0.5],
  [/^docs\/api\//, 0.5],
  [/^docs\/commands$/, 0.8],
  [/^(MIGRATING|README|examples\/|notebooks\/|data\/)/, 0.7],
];
const MOST_RESULTS = 20;
const MOST_OF_A_PAGE = 4;
const EXCERPT = 240; // characters

if (typeof Search !== "undefined") {
  // "user's" is the word "user": without this, each "s" of a page would be highlighted.
  const split = splitQuery;
  splitQuery = (query) => split(query.replace(/['’]\p{Letter}{1,2}(?!\p{Letter})/gu, ""));
  Search._performSearch = (query, terms, excluded) => {
    document.getElementById("search-progress")?.replaceChildren();
    const results = [...findNames(query), ...findSections(terms, excluded)];
    return results.slice(0, MOST_RESULTS).reverse(); // they are displayed from the last one on
  };
  Search.makeSearchSummary = makeExcerpt;
  Documentation.addTranslations({
    locale: "en",
    plural_expr: "n == 1 ? 0 : 1",
    messages: {
      "Search finished, found one page matching the search query.": [
        "One section contains words of the search.",
        "The best ${resultCount} sections, the best one first.",
      ],
      "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.":
        "No section contains these words. Try others, such as the name of a command or a word of the glossary.",
    },
  });
}

// Return the public names of the package that equal the query.
function findNames(query) {
  const name = query.trim().toLowerCase().replace(/\(\)$/, "");
  const isExact = ([, full]) => full.toLowerCase() === name || full.toLowerCase().endsWith(`.${name}`);
  return name ? Search.performObjectSearch(name, new Set([name])).filter(isExact) : [];
}

// Return the sections with words of the query, the best one first. The score is the sum of BM25 over the words, times
// the share of the query's words in the section, and times 1 plus how well its title matches. Rare words count more.
function findSections(terms, excluded) {
  const { pages, sections, words } = SECTION_INDEX;
  const meanLength = sections.reduce((sum, [, , , length]) => sum + length, 0) / sections.length;
  const scores = new Map();
  const shares = new Map();
  const rarities = new Map();
  for (const term of terms) {
    const found = lookUp(term, words);
    if (!found.size) continue;
    const rarity = Math.log(1 + (sections.length - found.size + 0.5) / (found.size + 0.5));
    rarities.set(term, rarity);
    for (const [section, count] of found) {
      const norm = 1.2 * (0.4 + 0.6 * (sections[section][3] / meanLength));
      scores.set(section, (scores.get(section) ?? 0) + (rarity * count) / (count + norm));
      shares.set(section, (shares.get(section) ?? 0) + rarity);
    }
  }
  for (const term of excluded) {
    for (const section of lookUp(term, words).keys()) scores.delete(section);
  }
  const total = [...rarities.values()].reduce((sum, rarity) => sum + rarity, 0);
  const stemmer = new Stemmer();
  const ranked = [...scores].map(([section, score]) => {
    const [page, , title] = sections[section];
    const titleWords = splitQuery(title.toLowerCase()).filter((word) => !stopwords.has(word));
    const inTitle = new Set(titleWords.map((word) => stemmer.stemWord(word)));
    const common = [...rarities].filter(([term]) => inTitle.has(term));
    const titleShare = common.reduce((sum, [, rarity]) => sum + rarity, 0) / total;
    const titleMatch = titleShare * (0.5 + (0.5 * common.length) / Math.max(1, inTitle.size));
    const weight = PAGE_WEIGHTS.find(([pattern]) => pattern.test(pages[page][0]))?.[1] ?? 1;
    return [section, score * weight * (shares.get(section) / total) * (1 + titleMatch)];
  });
  ranked.sort(([a, left], [b, right]) => right - left || a - b);
  const taken = new Map();
  const results = [];
  for (const [section, score] of ranked) {
    const [page, anchor, title] = sections[section];
    taken.set(page, (taken.get(page) ?? 0) + 1);
    if (taken.get(page) > MOST_OF_A_PAGE) continue;
    const [name, pageTitle] = pages[page];
    const label = anchor && title !== pageTitle ? `${pageTitle} > ${title}` : title;
    results.push([name, label, anchor ? `#${anchor}` : "", null, score, name, SearchResultKind.text]);
    if (results.length === MOST_RESULTS) break;
  }
  return results;
}

// Return the sections that contain a word, and how much it counts in each. An unknown word is the beginning of others.
function lookUp(term, words) {
  const found = new Map();
  const names = Object.hasOwn(words, term)
    ? [term]
    : Object.keys(words).filter((word) => term.length > 2 && word.startsWith(term));
  for (const name of names) {
    const places = words[name];
    for (let i = 0; i < places.length; i += 2) {
      found.set(places[i], (found.get(places[i]) ?? 0) + places[i + 1]);
    }
  }
  return found;
}

// Return a paragraph with the part of a section that contains most words of the query.
function makeExcerpt(html, terms, anchor) {
  const excerpt = document.createElement("p");
  excerpt.classList.add("context");
  const page = new DOMParser().parseFromString(html, "text/html");
  const found = anchor ? page.getElementById(anchor.slice(1)) : page.querySelector("article section");
  const section = found?.matches("dt") ? found.nextElementSibling : found;
  if (!section) return excerpt;
  const others = "section, h1, h2, h3, h4, script, style, .headerlink, .cell_output, .toctree-wrapper";
  section.querySelectorAll(others).forEach((part) => part.remove());
  const text = section.textContent.replace(/\s+/g, " ").trim();
  const matches = [...terms].flatMap((term) => [...text.toLowerCase().matchAll(RegExp(`\\b${term}`, "gu"))]);
  const places = matches.map((match) => match.index);
  const countFrom = (start) => places.filter((place) => place >= start && place < start + EXCERPT - 40).length;
  const best = places.reduce((best, place) => (countFrom(place) > countFrom(best) ? place : best), places[0] ?? 0);
  const start = best < EXCERPT / 2 ? 0 : text.lastIndexOf(" ", best - 30) + 1;
  const end = text.length <= start + EXCERPT ? text.length : text.lastIndexOf(" ", start + EXCERPT);
  excerpt.textContent = `${start ? "… " : ""}${text.slice(start, end)}${end < text.length ? " …" : ""}`;
  return excerpt;
}
