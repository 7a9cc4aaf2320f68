// Search for questions: Sphinx finds only pages that contain every word, and no sections.

// Guides come before records of changes and of tests.
const RECORDS = ["CHANGELOG", "CONTRIBUTING", "MIGRATING", "docs/proof", "benchmarks/README"];

if (typeof Search !== "undefined") {
  Scorer.score = ([page, , , , score]) => {
    if (RECORDS.includes(page)) return score - 4;
    return page.startsWith("docs/api/") ? score - 2 : score;
  };
  const findPages = Search.performTermsSearch;
  Search.performTermsSearch = (terms, excluded) => {
    const pages = findPages(terms, excluded);
    if (pages.length < 3 && terms.size > 2) {
      // pages that lack one of the words
      for (const term of terms) {
        const rest = new Set([...terms].filter((other) => other !== term));
        pages.push(...findPages(rest, excluded).map((page) => page.with(4, page[4] - 3)));
      }
    }
    return [...pages, ...findSections(terms)];
  };
}

// Return the sections whose titles contain most of the words.
function findSections(terms) {
  const { alltitles, docnames, filenames, titles } = Search._index;
  const stemmer = new Stemmer();
  const found = [];
  for (const [title, places] of Object.entries(alltitles)) {
    const words = new Set(title.toLowerCase().split(/[^\p{L}\p{N}]+/u).map((word) => stemmer.stemWord(word)));
    const share = [...terms].filter((term) => words.has(term)).length / terms.size;
    if (share <= 0.5) continue;
    for (const [file, id] of places) {
      const name = titles[file] === title ? title : `${titles[file]} > ${title}`;
      const anchor = id === null ? "" : `#${id}`;
      found.push([docnames[file], name, anchor, null, 18 * share, filenames[file], SearchResultKind.title]);
    }
  }
  return found;
}
