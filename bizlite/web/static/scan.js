// The camera reads a code into a field, as a USB scanner types it: a QR code, or the barcode of goods. The browser's own
// detector where it has one (no browser has it on Linux, few phones in China do), else ours; nothing leaves the site.
// Without a camera for the page (not by HTTPS, or refused) a photo is read instead, and one can always type.
"use strict";
(() => {
  const decoders = document.currentScript.dataset.decoders.split(" ");
  const dialog = document.getElementById("scanner");
  if (!dialog) return;
  const video = dialog.querySelector("video");
  const photo = dialog.querySelector("input");
  const says = dialog.querySelector("[data-says]");
  const canvas = document.createElement("canvas");
  const WIDEST = 1000; // a larger picture takes long and is read no better
  let field, reader;

  for (const button of document.querySelectorAll("[data-scan]")) {
    button.hidden = false;
    button.addEventListener("click", () => open(document.getElementById(button.dataset.scan)));
  }

  const load = (address) => new Promise((done, failed) => {
    const script = document.createElement("script");
    Object.assign(script, { src: address, onload: done, onerror: failed });
    document.head.append(script);
  });

  async function chosen() {
    const known = "BarcodeDetector" in window ? await BarcodeDetector.getSupportedFormats() : [];
    if (known.includes("qr_code") && known.includes("ean_13")) {
      const detector = new BarcodeDetector();
      return async (picture) => (await detector.detect(picture))[0]?.rawValue || "";
    }
    await Promise.all(decoders.map(load));
    return (picture) => {
      const image = pixels(picture);
      return jsQR(image.data, image.width, image.height)?.data || ean13(image);
    };
  }

  function pixels(picture) {
    const width = picture.videoWidth || picture.width;
    const height = picture.videoHeight || picture.height;
    const scale = Math.min(1, WIDEST / width);
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }

  function say(name) { says.textContent = says.dataset[name]; }

  async function open(target) {
    field = target;
    say("ready");
    dialog.showModal();
    reader ??= chosen();
    reader.catch(() => { reader = undefined; }); // not loaded: the wifi is away, it is tried again next time
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch { // no camera, not for this address, or refused
      say("photo");
      return;
    }
    dialog.addEventListener("close", () => stream.getTracks().forEach((track) => track.stop()), { once: true });
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    const read = await reader;
    while (dialog.open) {
      const code = video.videoWidth ? await read(video) : "";
      if (code) return found(code);
      await new Promise(requestAnimationFrame);
    }
  }

  function found(code) {
    dialog.close();
    field.value = code;
    field.form.requestSubmit();
  }

  dialog.addEventListener("close", () => { video.hidden = true; video.srcObject = null; photo.value = ""; });
  photo.addEventListener("change", async () => {
    const read = await reader;
    const code = await read(await createImageBitmap(photo.files[0]));
    if (code) found(code);
    else say("nothing");
  });
})();
