# A CycloneDX bill of materials from what "go version -m -json" says of the
# programs (slurped). $version is theirs, $target what they are built for.
def library: .Replace // . | { type: "library", "bom-ref": "pkg:golang/\(.Path)@\(.Version)", name: .Path,
	version: .Version, purl: "pkg:golang/\(.Path)@\(.Version)" };
def std: { type: "library", "bom-ref": "pkg:golang/std@\(.[2:])", name: "std", version: .[2:], purl: "pkg:golang/std@\(.[2:])" };
def program: { type: "application", "bom-ref": .Path, name: (.Path | split("/") | last), version: $version,
	licenses: [{ license: { id: "MIT" } }] };
{
	"$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
	bomFormat: "CycloneDX", specVersion: "1.5", version: 1,
	metadata: {
		timestamp: (env.SOURCE_DATE_EPOCH | tonumber | todate),
		component: { type: "application", "bom-ref": "vw", name: "vw", version: $version,
			licenses: [{ license: { id: "MIT" } }], properties: [{ name: "target", value: $target }] }
	},
	components: ([.[] | program, (.Deps[] | library), (.GoVersion | std)] | unique),
	dependencies: ([{ ref: "vw", dependsOn: [.[].Path] }] + [.[] | { ref: .Path,
		dependsOn: [(.Deps[] | library), (.GoVersion | std) | .["bom-ref"]] }])
}
