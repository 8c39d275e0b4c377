// Words that scripts write, in the language of the page; what is filled in is named in braces.

const WORDS = JSON.parse(document.getElementById("words").textContent);

function say(key, values = {}) {
  return WORDS[key].replace(/\{(\w+)\}/g, (field, name) => (name in values ? values[name] : field));
}

