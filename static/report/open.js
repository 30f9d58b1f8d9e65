/** The exported page of a study: draws the data of `data.js` with the pictures that lie beside it. */
(() => {
  const { title, study, report, tables, pictures, made_by } = globalThis.McgipStudy;
  const heading = document.createElement("h1");
  heading.textContent = title;
  document.title = title;
  document.getElementById("made-by").textContent = `${made_by}, study ${study.id}.`;
  const picture = (image, alt) => {
    if (!Object.hasOwn(pictures, image)) return null;
    const element = document.createElement("img");
    element.src = pictures[image];
    element.alt = alt;
    return element;
  };
  document.getElementById("main").replaceChildren(
    heading,
    globalThis.McgipReport.draw({ study, report, tables }, { picture }),
  );
})();
