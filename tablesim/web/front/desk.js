// A screen that the workbench alone has: the part that it fills.
export const desk = () => document.getElementById("screen");
