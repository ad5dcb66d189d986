// Fills in the browser's own time zone, unless one was typed already.
"use strict";
{
  const field = document.getElementById("zone");
  if (field && !field.value) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  }
}
