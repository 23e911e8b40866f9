// A finished job as somebody sees it who has just got a key: seen.mjs URL PROJECT JOB [PICTURE], the key in FIELDSTONE_TOKEN. Signs in, opens the project by its
// name and the job by its number, and ends well once the page says that it has succeeded and its volume stands in three dimensions.
import { chromiumPath, open, startBrowser } from './harness.mjs';

const [url, project, job, picture] = process.argv.slice(2);
const chromium = chromiumPath();
if (!chromium) {
  console.error('no Chromium (Debian: apt-get install chromium)');
  process.exit(2);
}
const browser = await startBrowser(chromium);
try {
  const page = await open(browser, { url }, '/', { key: null });
  await page.locator('input[type=password]').fill(process.env.FIELDSTONE_TOKEN);
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: project }).click();
  const done = page.locator('.job', { has: page.locator('.badge.success') });
  await done.locator(`a[href$="/j/${job}"]`).first().click();
  await page.locator('.badge.success').first().waitFor();
  await page.locator('a[href*="/a/"]', { hasText: '.bin' }).first().click();
  await page.locator('[data-ready=true]').waitFor({ timeout: 60_000 });
  if (picture) await page.screenshot({ path: picture });
  if (page.strays.length + page.faults.length > 0) throw new Error([...page.strays, ...page.faults].join('\n'));
} finally {
  await browser.close();
}
