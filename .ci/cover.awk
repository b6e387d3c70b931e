# Of a profile of go test: how many statements of each package any of the tests has
# run. A block is there once for each package that was tested.
FNR > 1 {
	block = $1
	statements[block] = $2
	if ($3 > 0)
		run[block] = 1
}

END {
	for (block in statements) {
		package = block
		sub(/\/[^\/]*$/, "", package)
		all[package] += statements[block]
		sum += statements[block]
		if (block in run) {
			covered[package] += statements[block]
			covers += statements[block]
		}
	}
	for (package in all)
		printf "%5.1f %%  %s, of %d statements\n", 100 * covered[package] / all[package], package, all[package] | "sort -k3"
	close("sort -k3")
	printf "%5.1f %%  in all, of %d statements\n", 100 * covers / sum, sum
}
