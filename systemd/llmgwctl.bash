# bash completion for llmgwctl(8): the commands are those that it names itself.

_llmgwctl() {
	local word=${COMP_WORDS[COMP_CWORD]} line=
	local i n=0
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c) i=$((i + 1)) ;;
		-*) ;;
		*)
			line+="${COMP_WORDS[i]} "
			n=$((n + 1)) ;;
		esac
	done
	case $word in
	-*)
		mapfile -t COMPREPLY < <(compgen -W '-c --json --help' -- "$word")
		return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$(
		"${COMP_WORDS[0]}" --help 2>/dev/null | awk -v line="$line" \
		    -v n="$((n + 1))" '/^  [a-z]/ {
			head = ""
			for (i = 1; i < n; i++) head = head $i " "
			if (head == line && $n ~ /^[a-z][a-z-]*$/) print $n
		}' | sort -u)" -- "$word")
}
complete -o default -F _llmgwctl llmgwctl
