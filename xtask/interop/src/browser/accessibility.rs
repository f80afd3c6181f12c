//! Checks that people can use every view of the page. On a desktop and a phone, in light and dark, the page
//! fits its window, names are on one line, and the contrast is enough. The Tab key reaches everything, and
//! everything has a name for screen readers.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Visit;
use crate::webdriver::key;

/// The sizes of the page, in CSS pixels.
const SIZES: [(&str, u32, u32); 2] = [("desktop", 1280, 860), ("phone", 360, 740)];

/// Names that are shown on more than one line, or not to their end.
const BROKEN: &str = "[...document.querySelectorAll('.name')].filter((name) => {
    const range = document.createRange();
    range.selectNodeContents(name);
    const lines = new Set([...range.getClientRects()].map((rect) => Math.round(rect.top)));
    return name.checkVisibility() && (lines.size > 1 || name.scrollWidth > name.clientWidth + 1);
}).map((name) => name.textContent)";

/// Whether the page scrolls on a desktop, where only the list and the message may.
const SCROLLS: &str =
    "matchMedia('(min-width: 57rem)').matches && document.documentElement.scrollHeight > innerHeight";

/// Whether the element with the focus is outlined, or no element has the focus.
const IS_FOCUS_VISIBLE: &str = "document.activeElement === document.body
    || parseFloat(getComputedStyle(document.activeElement).outlineWidth) > 1
       && getComputedStyle(document.activeElement).outlineStyle !== 'none'";

impl Visit {
    /// Checks how the page looks at each address. The name of an address becomes that of its picture.
    pub(super) async fn check_appearance(&self, addresses: &[(&str, String)]) -> Result<()> {
        let page = &self.browser;
        for (size, width, height) in SIZES {
            page.resize(width, height).await?;
            for (colors, is_dark) in [("light", false), ("dark", true)] {
                page.set_dark(is_dark).await?;
                for (name, address) in addresses {
                    let view = format!("{name}, {size}, {colors}");
                    self.open(address).await?;
                    let widths =
                        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]";
                    let widths = page.eval(widths).await?;
                    ensure!(
                        widths[0].as_u64() <= widths[1].as_u64(),
                        "{view}: the page is too wide: {widths}"
                    );
                    ensure!(page.eval(SCROLLS).await? == false, "{view}: the page scrolls");
                    let broken = page.eval(BROKEN).await?;
                    ensure!(is_empty(&broken), "{view}: names are broken: {broken}");
                    let faint = page.run(include_str!("contrast.js"), &[]).await?;
                    ensure!(is_empty(&faint), "{view}: too little contrast: {faint}");
                    self.picture(&format!("{name}-{size}-{colors}")).await?;
                }
            }
        }
        page.set_dark(false).await?;
        page.resize(1280, 860).await
    }

    /// The Tab key reaches everything, the focus is visible, and everything has a name.
    pub(super) async fn check_tab_key(&self, addresses: &[(&str, String)]) -> Result<()> {
        let page = &self.browser;
        for (name, address) in addresses {
            self.open(address).await?;
            let count = page.run(include_str!("focus.js"), &[]).await?.as_u64().context("a count")?;
            let reached = "(window.reached ??= new Set()).add(document.activeElement).size";
            // One more, because the body has the focus before the first stop and after the last.
            for _ in 0..=count {
                page.press(key::TAB).await?;
                page.eval(reached).await?;
                ensure!(page.eval(IS_FOCUS_VISIBLE).await? == true, "{name}: the focus is not visible");
            }
            let stops =
                "[...window.reached].filter((stop) => stop.matches('a, button, input, select, pre')).length";
            let stops = page.eval(stops).await?.as_u64().unwrap_or_default();
            ensure!(stops >= count, "{name}: Tab reaches {stops} of {count}");
            let labels = page.labels("a[href], button, input, select, pre, nav, article, form").await?;
            ensure!(
                labels.iter().all(|label| !label.is_empty()),
                "{name}: something has no name: {labels:?}"
            );
        }
        Ok(())
    }
}

fn is_empty(list: &Value) -> bool {
    list.as_array().is_some_and(Vec::is_empty)
}
