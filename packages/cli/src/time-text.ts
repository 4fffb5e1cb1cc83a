/** Times and sizes for people. Pure. Layer 5. */

/** Milliseconds since 1970 as local time to the minute: `2026-11-27 08:05`. */
export function formatTime(time: number): string {
	const date = new Date(time);
	const two = (value: number): string => String(value).padStart(2, "0");
	const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
	return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
