// The theme: the system's until somebody chooses. A classic script at the head of the page, so that
// the first thing painted has its colour already; the button comes to life when there is one.

{
  const KEY = "parley:theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const chosen = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be forbidden: then the choice lasts as long as the page
    }
  };

  const isDark = () => {
    return document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : dark.matches;
  };

  /** @param {string | null} theme */
  const wear = (theme) => {
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
    const colour = document.querySelector("meta[name=theme-color]");
    colour?.setAttribute("content", isDark() ? "#171a21" : "#ffffff");
    document.getElementById("theme")?.setAttribute("aria-pressed", String(isDark()));
  };

  const toggle = () => {
    const theme = isDark() ? "light" : "dark";
    wear(theme);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // see chosen
    }
  };

  wear(chosen());
  dark.addEventListener("change", () => wear(null));
  window.addEventListener("storage", ({ key, newValue }) => key === KEY && wear(newValue));
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme")?.addEventListener("click", toggle);
    wear(null);
  });
}
