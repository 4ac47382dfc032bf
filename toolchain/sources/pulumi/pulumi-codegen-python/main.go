// Generates Python from a schema or from a program in Pulumi's own configuration language.
//
// The one argument names a method of the service pulumirpc.LanguageRuntime; its request comes on standard
// input and its response goes to standard output, both in protobuf's binary form. The kit's language host,
// which is written in Python, has these methods done here, by the generators that Pulumi itself uses.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/pulumi/pulumi/pkg/v3/codegen/hcl2/syntax"
	"github.com/pulumi/pulumi/pkg/v3/codegen/pcl"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/proto"
)

// diagnostics is the type of the responses' members of that name.
var diagnostics = plugin.HclDiagnosticsToRPCDiagnostics

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("the one argument is GeneratePackage, GenerateProgram or GenerateProject"))
	}
	request, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	var response proto.Message
	switch os.Args[1] {
	case "GeneratePackage":
		response, err = answer(request, &pulumirpc.GeneratePackageRequest{}, generatePackage)
	case "GenerateProgram":
		response, err = answer(request, &pulumirpc.GenerateProgramRequest{}, generateProgram)
	case "GenerateProject":
		response, err = answer(request, &pulumirpc.GenerateProjectRequest{}, generateProject)
	default:
		err = fmt.Errorf("%s is not understood", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
	encoded, err := proto.Marshal(response)
	if err != nil {
		fail(err)
	}
	if _, err := os.Stdout.Write(encoded); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// request is what all three methods' requests have: where the engine serves schemas.
type request interface {
	proto.Message
	GetLoaderTarget() string
}

// answer decodes a request and has it answered with a loader of the schemas that it may name.
func answer[Q request, R proto.Message](
	encoded []byte, decoded Q, generate func(Q, schema.ReferenceLoader) (R, error),
) (response R, err error) {
	if err = proto.Unmarshal(encoded, decoded); err != nil {
		return response, err
	}
	client, err := schema.NewLoaderClient(decoded.GetLoaderTarget())
	if err != nil {
		return response, err
	}
	defer client.Close()
	return generate(decoded, schema.NewCachedLoader(client))
}

// options are those of every program that is bound; a program that need not be strict may name what is not there.
func options(strict bool) []pcl.BindOption {
	chosen := []pcl.BindOption{pcl.PreferOutputVersionedInvokes}
	if !strict {
		chosen = append(chosen, pcl.NonStrictBindOptions()...)
	}
	return chosen
}

func generateProgram(
	request *pulumirpc.GenerateProgramRequest, loader schema.ReferenceLoader,
) (*pulumirpc.GenerateProgramResponse, error) {
	parser := syntax.NewParser()
	for name, text := range request.Source {
		if err := parser.ParseFile(strings.NewReader(text), name); err != nil {
			return nil, err
		}
	}
	if parser.Diagnostics.HasErrors() {
		return &pulumirpc.GenerateProgramResponse{Diagnostics: diagnostics(parser.Diagnostics)}, nil
	}
	program, found, err := pcl.BindProgram(parser.Files, loader, options(request.Strict)...)
	if found.HasErrors() {
		return &pulumirpc.GenerateProgramResponse{Diagnostics: diagnostics(found)}, nil
	}
	if err != nil {
		return nil, err
	}
	files, more, err := python.GenerateProgram(program)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.GenerateProgramResponse{Source: files, Diagnostics: diagnostics(append(found, more...))}, nil
}

func generateProject(
	request *pulumirpc.GenerateProjectRequest, loader schema.ReferenceLoader,
) (*pulumirpc.GenerateProjectResponse, error) {
	program, found, err := pcl.BindDirectory(request.SourceDirectory, loader, options(request.Strict)...)
	if err != nil || found.HasErrors() {
		return &pulumirpc.GenerateProjectResponse{Diagnostics: diagnostics(found)}, err
	}
	var project workspace.Project
	if err := json.Unmarshal([]byte(request.Project), &project); err != nil {
		return nil, err
	}
	err = python.GenerateProject(request.TargetDirectory, project, program, request.LocalDependencies, "", "")
	return &pulumirpc.GenerateProjectResponse{Diagnostics: diagnostics(found)}, err
}

func generatePackage(
	request *pulumirpc.GeneratePackageRequest, loader schema.ReferenceLoader,
) (*pulumirpc.GeneratePackageResponse, error) {
	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(request.Schema), &spec); err != nil {
		return nil, err
	}
	described, found, err := bind(spec, loader)
	if err != nil || found.HasErrors() {
		return &pulumirpc.GeneratePackageResponse{Diagnostics: diagnostics(found)}, err
	}
	files, err := python.GeneratePackage("pulumi-language-python", described, request.ExtraFiles, loader)
	if err != nil {
		return nil, err
	}
	for name, text := range files {
		target := filepath.Join(request.Directory, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(target, text, 0o644); err != nil {
			return nil, err
		}
	}
	return &pulumirpc.GeneratePackageResponse{Diagnostics: diagnostics(found)}, nil
}

func bind(spec schema.PackageSpec, loader schema.Loader) (*schema.Package, hcl.Diagnostics, error) {
	return schema.BindSpec(spec, loader, schema.ValidationOptions{AllowDanglingReferences: true})
}
